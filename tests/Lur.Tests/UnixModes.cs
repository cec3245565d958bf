namespace Lur.Tests;

/// <summary>Permissions of files, where the system has them.</summary>
internal static class UnixModes
{
    /// <summary>Grants more; skips the test on a system without permissions.</summary>
    public static void Allow(string path, UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("no permissions of this kind");
        else
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) | mode);
    }

    /// <summary>Grants this and no more; skips the test on a system without permissions.</summary>
    public static void Set(string path, UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("no permissions of this kind");
        else
            File.SetUnixFileMode(path, mode);
    }

    /// <summary>True if others than the owner may write.</summary>
    public static bool OthersMayWrite(string path) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0;
}
