namespace Lur.Device;

/// <summary>Element type <c>real</c> of a kernel module and of the buffers it works on.</summary>
public enum Precision
{
    /// <summary>32-bit floating point: production.</summary>
    Float32,

    /// <summary>64-bit floating point: gradient checks.</summary>
    Float64,
}

/// <summary>Marks device memory whose elements are <c>real</c>: float or double, as the module's <see cref="Precision"/> says.</summary>
public readonly struct Real;

/// <summary>Sizes and spellings of precisions.</summary>
public static class PrecisionExtensions
{
    /// <summary>Bytes of one element: 4 or 8.</summary>
    public static int Size(this Precision precision) => precision == Precision.Float32 ? 4 : 8;

    /// <summary>The C type: float or double.</summary>
    public static string TypeName(this Precision precision) => precision == Precision.Float32 ? "float" : "double";
}
