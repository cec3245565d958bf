using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Lur.Device;

/// <summary>What a kernel occupies on a GPU, as its image says.</summary>
/// <param name="Registers">Registers of a thread, in the units of 8 in which a multiprocessor allots them.</param>
/// <param name="StackBytes">Local memory of a thread: spilled registers and arrays with an index that is not constant.</param>
/// <param name="SharedBytes">Static shared memory of a block; from compute capability 9.0 on 1024 bytes of it are the system's.</param>
internal readonly record struct KernelOccupancy(int Registers, int StackBytes, int SharedBytes)
{
    /// <summary>Whether this needs no more of anything.</summary>
    public bool Within(KernelOccupancy budget) =>
        Registers <= budget.Registers && StackBytes <= budget.StackBytes && SharedBytes <= budget.SharedBytes;

    /// <summary>registers/stack/shared, as the budget writes it.</summary>
    public override string ToString() => $"{Registers}/{StackBytes}/{SharedBytes}";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static KernelOccupancy Parse(string text) =>
        text.Split('/') is [var r, var s, var m]
            ? new(Number(r), Number(s), Number(m))
            : throw new FormatException($"'{text}' is not registers/stack/shared");

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}

/// <summary>
/// Reads what kernels occupy from a cubin: a 64-bit ELF file whose section .nv.info holds attributes of functions (format
/// byte, attribute byte, size; then symbol and value), and whose sections .nv.shared.NAME are as large as the static shared
/// memory of a kernel. Layout of the file: System V ABI, ELF-64; the attributes are those that cuobjdump names EIATTR_*.
/// </summary>
internal static class Cubin
{
    private const byte SizedValue = 4,
        FrameSize = 0x11,
        MinStackSize = 0x12,
        RegisterCount = 0x2F;

    /// <summary>Every kernel of the image.</summary>
    public static Dictionary<string, KernelOccupancy> Occupancy(byte[] image)
    {
        var sections = Sections(image);
        var symbols = sections.Single(s => s.Name == ".symtab");
        var names = sections[(int)symbols.Link];
        var kernels = new Dictionary<string, KernelOccupancy>();
        foreach (var section in sections.Where(s => s.Name.StartsWith(".text.", StringComparison.Ordinal)))
            kernels[section.Name[".text.".Length..]] = default;
        var info = sections.Single(s => s.Name == ".nv.info");
        for (var at = info.Offset; at < info.Offset + info.Size; )
        {
            var (format, attribute, size) = (image[at], image[at + 1], (int)U16(image, at + 2));
            if (format == SizedValue && size == 8)
            {
                var symbol = symbols.Offset + (24 * U32(image, at + 4));
                var name = Text(image, names.Offset + U32(image, symbol));
                if (kernels.TryGetValue(name, out var kernel))
                    kernels[name] = With(kernel, attribute, (int)U32(image, at + 8));
            }
            at += 4 + (format == SizedValue ? size : 0);
        }
        foreach (var section in sections.Where(s => s.Name.StartsWith(".nv.shared.", StringComparison.Ordinal)))
        {
            var name = section.Name[".nv.shared.".Length..];
            if (kernels.TryGetValue(name, out var kernel))
                kernels[name] = kernel with { SharedBytes = (int)section.Size };
        }
        return kernels;
    }

    private static KernelOccupancy With(KernelOccupancy kernel, byte attribute, int value) =>
        attribute switch
        {
            RegisterCount => kernel with { Registers = (value + 7) / 8 * 8 },
            FrameSize or MinStackSize => kernel with { StackBytes = Math.Max(kernel.StackBytes, value) },
            _ => kernel,
        };

    private static List<Section> Sections(byte[] image)
    {
        if (image.Length < 64 || !image.AsSpan(0, 5).SequenceEqual("\u007fELF\u0002"u8))
            throw new FormatException("The image is not a 64-bit ELF file.");
        var (table, size, count) = ((long)U64(image, 40), U16(image, 58), U16(image, 60));
        var list = new List<(uint Name, Section Section)>();
        for (var i = 0; i < count; i++)
        {
            var at = table + (i * size);
            list.Add((U32(image, at), new Section("", (long)U64(image, at + 24), (long)U64(image, at + 32), U32(image, at + 40))));
        }
        var names = list[U16(image, 62)].Section.Offset;
        return [.. list.Select(s => s.Section with { Name = Text(image, names + s.Name) })];
    }

    private static string Text(byte[] image, long at) =>
        Encoding.ASCII.GetString(image.AsSpan((int)at, Array.IndexOf(image, (byte)0, (int)at) - (int)at));

    private static ushort U16(byte[] image, long at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan((int)at));

    private static uint U32(byte[] image, long at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan((int)at));

    private static ulong U64(byte[] image, long at) => BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan((int)at));

    private readonly record struct Section(string Name, long Offset, long Size, uint Link);
}
