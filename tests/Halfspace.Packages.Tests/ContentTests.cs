using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Halfspace.Tests;

namespace Halfspace.Packages.Tests;

/// <summary>What each package says of itself and holds.</summary>
public sealed class ContentTests(PackedFixture packed)
{
    /// <summary>What nuget.org takes.</summary>
    private const long MostBytes = 250_000_000;

    public static TheoryData<string> Packages => [.. PackedFixture.All];

    [Theory, MemberData(nameof(Packages))]
    public void A_package_describes_itself(string package)
    {
        using ZipArchive zip = Open(package, "nupkg");
        XElement metadata = Load(zip, package + ".nuspec").Root!.Elements().Single();
        string? Of(string name) => metadata.Elements().SingleOrDefault(e => e.Name.LocalName == name)?.Value;
        Assert.Equal(packed.Version, Of("version"));
        Assert.Equal("Apache-2.0", Of("license"));
        Assert.Equal("README.md", Of("readme"));
        Assert.Equal("icon.png", Of("icon"));
        Assert.NotEqual("Package Description", Of("description"));
        Assert.NotEqual("", Of("tags"));
        using StreamReader readme = new(zip.GetEntry("README.md")!.Open());
        Assert.Equal(File.ReadAllText(Repository.File(package == "halfspace" ? "src/Halfspace.Cli/README.md" : PackedFixture.ReadmeOf(package))),
            readme.ReadToEnd());
        Assert.NotNull(zip.GetEntry("icon.png"));
        Assert.InRange(new FileInfo(PathOf(package, "nupkg")).Length, 1, MostBytes);
    }

    [Theory, MemberData(nameof(Packages))]
    public void Packages_of_one_build_depend_on_each_other(string package)
    {
        using ZipArchive zip = Open(package, "nupkg");
        foreach (XElement dependency in Load(zip, package + ".nuspec").Descendants().Where(e => e.Name.LocalName == "dependency"))
            if (dependency.Attribute("id")!.Value.StartsWith("Halfspace.", StringComparison.Ordinal))
                Assert.Equal(packed.Version, dependency.Attribute("version")!.Value);
    }

    [Theory, MemberData(nameof(Packages))]
    public void Symbols_belong_to_the_assembly(string package)
    {
        using ZipArchive zip = Open(package, "nupkg"), symbols = Open(package, "snupkg");
        using PEReader assembly = new(Read(Single(zip, package + ".dll")));
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(Read(Single(symbols, package + ".pdb")));
        MetadataReader reader = provider.GetMetadataReader();
        DebugDirectoryEntry entry = assembly.ReadDebugDirectory().First(e => e.Type == DebugDirectoryEntryType.CodeView);
        Assert.Equal(assembly.ReadCodeViewDebugDirectoryData(entry).Guid, new BlobContentId(reader.DebugMetadataHeader!.Id).Guid);
        // The same sources give the same bytes.
        Assert.Contains(assembly.ReadDebugDirectory(), e => e.Type == DebugDirectoryEntryType.Reproducible);
    }

    private string PathOf(string package, string extension) => Path.Combine(packed.Feed, $"{package}.{packed.Version}.{extension}");

    private ZipArchive Open(string package, string extension) => ZipFile.OpenRead(PathOf(package, extension));

    private static ZipArchiveEntry Single(ZipArchive zip, string name) => Assert.Single(zip.Entries, entry => entry.Name == name);

    private static XDocument Load(ZipArchive zip, string name)
    {
        using Stream stream = zip.GetEntry(name)!.Open();
        return XDocument.Load(stream);
    }

    private static MemoryStream Read(ZipArchiveEntry entry)
    {
        MemoryStream copy = new();
        using Stream stream = entry.Open();
        stream.CopyTo(copy);
        copy.Position = 0;
        return copy;
    }
}
