using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Lur.Cuda.Loading;

/// <summary>What the first bytes of a library say of the machine it was made for. The loader calls one for another processor
/// absent.</summary>
internal static class ElfHeader
{
    private const int Bytes = 20,
        ClassAt = 4,
        MachineAt = 18;

    /// <summary>Null where the loader may try the file, else why it cannot take it.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    internal static string? WhyNot(string file)
    {
        Span<byte> header = stackalloc byte[Bytes];
        using var stream = File.OpenRead(file);
        if (stream.ReadAtLeast(header, Bytes, throwOnEndOfStream: false) < Bytes || !header.StartsWith("\u007fELF"u8))
            return "it is no ELF file";
        int machine = BinaryPrimitives.ReadUInt16LittleEndian(header[MachineAt..]);
        var (mine, name) = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? (183, "AArch64") : (62, "x86-64");
        return header[ClassAt] != 2 ? $"it is for 32 bits, and this process has 64"
            : machine != mine ? $"it is for {NameOf(machine)}, and this machine is {name}"
            : null;
    }

    private static string NameOf(int machine) =>
        machine switch
        {
            62 => "x86-64",
            183 => "AArch64",
            _ => $"ELF machine {machine}",
        };
}
