namespace Lur;

/// <summary>Where this user's caches lie.</summary>
internal static class UserCache
{
    /// <summary>A folder of Lur below XDG_CACHE_HOME (~/.cache). A relative XDG_CACHE_HOME is ignored, as its specification asks.</summary>
    public static string Folder(string name)
    {
        var home =
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)
                ? xdg
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(home, "lur", name);
    }
}
