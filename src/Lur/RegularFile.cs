using System.Runtime.InteropServices;

namespace Lur;

/// <summary>Files that a user names are opened only where they are regular: to open a pipe waits for somebody to write to it, and a
/// device such as /dev/zero never ends.</summary>
internal static partial class RegularFile
{
    private const int CurrentFolder = -100;
    private const uint TypeField = 1,
        OwnerField = 0x8,
        InodeField = 0x100;

    /// <summary>Refuses what is there and is no regular file.</summary>
    /// <param name="path">Where it is; nothing there is no error here.</param>
    /// <param name="what">What it is, for the sentence: "checkpoint".</param>
    /// <exception cref="UserErrorException">It is a folder, a pipe, a device or a socket.</exception>
    public static void Require(string path, string what)
    {
        if (Directory.Exists(path))
            throw new UserErrorException($"The {what} '{path}' is a folder; give the path of a file.");
        if (KindOf(path) is { } kind)
            throw new UserErrorException($"The {what} '{path}' is {kind}, not a regular file; write its content to a file and give that.");
    }

    /// <summary>The text of a regular file.</summary>
    /// <exception cref="UserErrorException">It is no regular file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static string ReadAllText(string path, string what)
    {
        Require(path, what);
        return File.ReadAllText(path);
    }

    /// <summary>True where a path is there and, links followed, is a regular file.</summary>
    public static bool IsAt(string path) => File.Exists(path) && KindOf(path) is null;

    /// <summary>What tells a file or folder from every other on this machine, links followed; null where the system does not say.</summary>
    public static (ulong Device, ulong Inode)? IdentityOf(string path) =>
        StatusOf(path, InodeField) is { } s ? (((ulong)s.DeviceMajor << 32) | s.DeviceMinor, s.Inode) : null;

    /// <summary>Number of the user that a file belongs to, links followed; null where the system does not say.</summary>
    public static uint? OwnerOf(string path) => StatusOf(path, OwnerField)?.Owner;

    /// <summary>Number of the user that this process acts for; null where the system does not say.</summary>
    public static uint? CurrentUser { get; } = OperatingSystem.IsLinux() ? EffectiveUser() : null;

    /// <summary>What a special file is; null for a regular one, for a folder, and for nothing there.</summary>
    private static string? KindOf(string path) =>
        (StatusOf(path, TypeField)?.Mode & 0xF000) switch
        {
            0x1000 => "a named pipe",
            0x2000 => "a character device",
            0x6000 => "a block device",
            0xC000 => "a socket",
            _ => null,
        };

    // Elsewhere .NET does not tell, and there are no special files in the way (Windows) or no statx (macOS).
    private static FileStatus? StatusOf(string path, uint field)
    {
        if (!OperatingSystem.IsLinux() || path.Contains('\0', StringComparison.Ordinal))
            return null;
        try
        {
            return Status(CurrentFolder, path, 0, field, out var status) == 0 ? status : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // A C library older than statx (glibc 2.28).
        }
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint mask, out FileStatus status);

    /// <summary>struct statx of Linux, the same on every architecture: of its 256 bytes those that are read.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileStatus
    {
        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
