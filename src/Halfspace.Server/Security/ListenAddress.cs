using System.Globalization;
using System.Net;
using Halfspace.Runtime;

namespace Halfspace.Server.Security;

/// <summary>An address to listen at, as <c>http://HOST:PORT</c>.</summary>
internal sealed record ListenAddress(IPAddress? Address, int Port)
{
    /// <summary>Whether only this machine reaches it. A null address is localhost, on both versions of IP.</summary>
    public bool IsLoopback => Address is null || IPAddress.IsLoopback(Address);

    /// <summary>Reads an address.</summary>
    /// <exception cref="ModelException">It is not one.</exception>
    public static ListenAddress Parse(string url)
    {
        ModelException Refuse() => new($"{url} is not an address to listen at; give http://HOST:PORT, where HOST is localhost, an IP address, or * for all.");
        if (url.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            throw new ModelException($"{url} asks for TLS, which the server leaves to a proxy before it; give http://HOST:PORT.");
        if (!url.StartsWith("http://", StringComparison.OrdinalIgnoreCase)) throw Refuse();
        string rest = url["http://".Length..].TrimEnd('/');
        int colon = rest.LastIndexOf(':');
        if (colon < 1 || !int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            || port > IPEndPoint.MaxPort)
            throw Refuse();
        string host = rest[..colon];
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return new ListenAddress(port == 0 ? IPAddress.Loopback : null, port);
        if (host is "*" or "+") return new ListenAddress(IPAddress.IPv6Any, port);
        return IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) ? new ListenAddress(address, port) : throw Refuse();
    }

    /// <summary>Refuses to be reached from elsewhere without a key, unless that was asked for.</summary>
    /// <exception cref="ModelException">It would be open to everyone.</exception>
    public void RequireGuard(ApiKeys keys, bool allowAnonymous)
    {
        if (!IsLoopback && !keys.Required && !allowAnonymous)
            throw new ModelException($"http://{new IPEndPoint(Address!, Port)} can be reached from other machines and no key is asked for; add --api-key-file FILE, "
                + "or --allow-anonymous to let everyone in.");
    }
}
