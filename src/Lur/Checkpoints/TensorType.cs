namespace Lur.Checkpoints;

/// <summary>Element types of the safetensors format whose elements are whole bytes.</summary>
public enum TensorType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>8-bit float, 5 exponent bits; raw access only.</summary>
    F8E5M2,

    /// <summary>8-bit float, 4 exponent bits; raw access only.</summary>
    F8E4M3,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>IEEE 754 half.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a float.</summary>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>IEEE 754 single.</summary>
    F32,

    /// <summary>IEEE 754 double.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Sizes and spellings of <see cref="TensorType"/>.</summary>
public static class TensorTypes
{
    private static readonly string[] s_names =
    [
        "BOOL",
        "U8",
        "I8",
        "F8_E5M2",
        "F8_E4M3",
        "I16",
        "U16",
        "F16",
        "BF16",
        "I32",
        "U32",
        "F32",
        "F64",
        "I64",
        "U64",
    ];

    /// <summary>All spellings, in the order of the enumeration.</summary>
    public static IReadOnlyList<string> Names => s_names;

    /// <summary>Bytes of one element.</summary>
    public static int Size(this TensorType type) =>
        type switch
        {
            <= TensorType.F8E4M3 => 1,
            <= TensorType.BF16 => 2,
            <= TensorType.F32 => 4,
            _ => 8,
        };

    /// <summary>Whether it is F64, F32, F16 or BF16, which weights may have.</summary>
    public static bool IsFloating(this TensorType type) => type is TensorType.F64 or TensorType.F32 or TensorType.F16 or TensorType.BF16;

    /// <summary>The spelling in a file's header, such as <c>F32</c>.</summary>
    public static string Name(this TensorType type) => s_names[(int)type];

    /// <summary>The type with a spelling, if there is one.</summary>
    public static bool TryParse(string name, out TensorType type)
    {
        var i = Array.IndexOf(s_names, name);
        type = (TensorType)Math.Max(i, 0);
        return i >= 0;
    }

    /// <summary>The element type that holds .NET values of type <typeparamref name="T"/> without conversion.</summary>
    /// <exception cref="NotSupportedException">There is none.</exception>
    public static TensorType Of<T>()
        where T : unmanaged =>
        default(T) switch
        {
            float => TensorType.F32,
            double => TensorType.F64,
            Half => TensorType.F16,
            int => TensorType.I32,
            uint => TensorType.U32,
            long => TensorType.I64,
            ulong => TensorType.U64,
            short => TensorType.I16,
            ushort => TensorType.U16,
            byte => TensorType.U8,
            sbyte => TensorType.I8,
            bool => TensorType.Bool,
            _ => throw new NotSupportedException($"{typeof(T).Name} has no safetensors element type."),
        };
}
