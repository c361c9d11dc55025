using System.Security.Cryptography;

namespace Halfspace.Server.Page;

/// <summary>The page at <c>/</c> and its files, which are part of the assembly.</summary>
internal sealed class PageEndpoint
{
    // Nothing but the page's own files, and nothing in line.
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private readonly Dictionary<string, PageFile> _files = [];

    public PageEndpoint()
    {
        const string Prefix = "page/";
        foreach (string name in typeof(PageEndpoint).Assembly.GetManifestResourceNames())
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal)) continue;
            using Stream stream = typeof(PageEndpoint).Assembly.GetManifestResourceStream(name)!;
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            string type = Path.GetExtension(name) switch
            {
                ".html" => "text/html; charset=utf-8",
                ".css" => "text/css; charset=utf-8",
                ".js" => "text/javascript; charset=utf-8",
                _ => "image/svg+xml",
            };
            _files.Add(name[Prefix.Length..], new PageFile(bytes, type, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16))}\""));
        }
    }

    /// <summary>The names of the files.</summary>
    public IEnumerable<string> Names => _files.Keys;

    /// <summary>Sends a file, or says that the browser's copy is still good.</summary>
    public Task SendAsync(HttpContext http, string name)
    {
        PageFile file = _files[name];
        HttpResponse response = http.Response;
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.CacheControl = "no-cache";
        response.Headers.ETag = file.Tag;
        if (http.Request.Headers.IfNoneMatch.ToString().Split(',', StringSplitOptions.TrimEntries).Contains(file.Tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = file.Type;
        response.ContentLength = file.Bytes.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : response.Body.WriteAsync(file.Bytes, http.RequestAborted).AsTask();
    }

    private sealed record PageFile(byte[] Bytes, string Type, string Tag);
}
