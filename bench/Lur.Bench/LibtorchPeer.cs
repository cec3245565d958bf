using System.Buffers.Binary;
using System.Text;

namespace Lur.Bench;

/// <summary>A newer PyTorch than Debian's: its library, by a program that the repository's builds leave alone.</summary>
internal static class LibtorchPeer
{
    private const string Project = "bench/peers/libtorch",
        Folder = "artifacts/libtorch",
        // What it needs of a libstdc++ newer than Debian 12's, and what that version is called.
        Missing = "_ZSt21ios_base_library_initv",
        Version = "GLIBCXX_3.4.32";
    private const ushort Weak = 2;

    /// <summary>The program that measures.</summary>
    public static string Program => Path.GetFullPath($"{Folder}/unet-steps");

    /// <summary>Builds it.</summary>
    /// <returns>Variables that it is started with, or null where it cannot be built: it is 200 MB of packages.</returns>
    public static IReadOnlyDictionary<string, string>? Prepare()
    {
        if (ChildProcess.Start("dotnet", ["build", Project, "-c", "Release", "-o", Folder, "--nologo", "-v", "quiet"]) is null)
            return null;
        var library = $"{Folder}/runtimes/linux-x64/native/libLibTorchSharp.so";
        if (!ForgiveVersion(library))
            return new Dictionary<string, string>();
        var source = $"{Folder}/missing.c";
        var stub = Path.GetFullPath($"{Folder}/missing.so");
        File.WriteAllText(source, $"void {Missing}(void) {{}}\n");
        return ChildProcess.Start("cc", ["-shared", "-fPIC", source, "-o", stub]) is null
            ? null
            : new Dictionary<string, string> { ["LD_PRELOAD"] = stub };
    }

    // The version that the library asks for is made one that may be missing (VER_FLG_WEAK in its entry of .gnu.version_r); the function
    // starts the streams of the C++ library, which a program that has used them has started already.
    private static bool ForgiveVersion(string path)
    {
        var bytes = File.ReadAllBytes(path);
        Span<byte> entry = stackalloc byte[sizeof(uint) + sizeof(ushort)];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, Hash(Version));
        foreach (var flags in new ushort[] { 0, Weak })
        {
            BinaryPrimitives.WriteUInt16LittleEndian(entry[sizeof(uint)..], flags);
            var at = bytes.AsSpan().IndexOf(entry);
            if (at < 0)
                continue;
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at + sizeof(uint)), Weak);
            File.WriteAllBytes(path, bytes);
            return true;
        }

        return false;
    }

    // Of names in ELF files (System V ABI).
    private static uint Hash(string name)
    {
        uint hash = 0;
        foreach (var c in Encoding.ASCII.GetBytes(name))
        {
            hash = (hash << 4) + c;
            var high = hash & 0xF0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }

        return hash;
    }
}
