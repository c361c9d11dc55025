using Microsoft.Playwright;

namespace Halfspace.Page.Tests;

/// <summary>The system's Chromium without a window; null where there is none.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] _places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (_places.FirstOrDefault(File.Exists) is not { } path) return;
        _playwright = await Playwright.CreateAsync();
        // Its own sandbox does not start for root.
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = path, Args = ["--no-sandbox"] });
    }

    public async Task<IPage> OpenAsync(string url, int width = 1200, ColorScheme scheme = ColorScheme.Light)
    {
        Assert.SkipWhen(_browser is null, "There is no Chromium; install Debian's chromium.");
        IPage page = await _browser!.NewPageAsync(new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme });
        page.SetDefaultTimeout(15_000);
        await page.GotoAsync(url);
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
