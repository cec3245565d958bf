using Lur.Device;

namespace Lur.Tests.Reference;

/// <summary>Rounding to the formats of tensor cores by arithmetic in double, not by bits.</summary>
internal static class RoundedNumbers
{
    /// <summary>Bits behind the point.</summary>
    public static int Bits(ProductPrecision format) =>
        format switch
        {
            ProductPrecision.Bf16 => 7,
            ProductPrecision.Tf32 => 10,
            _ => 23,
        };

    /// <summary>The number of the format nearest to a float: ties to even in bf16, away from zero in TF32.</summary>
    public static float Round(ProductPrecision format, float x)
    {
        if (format == ProductPrecision.Float32 || !float.IsFinite(x) || x == 0)
            return x;
        var exponent = Math.Max(-126, Math.ILogB((double)x));
        var unit = Math.ScaleB(1, exponent - Bits(format));
        var ties = format == ProductPrecision.Bf16 ? MidpointRounding.ToEven : MidpointRounding.AwayFromZero;
        // A quotient by a power of two and its whole part are exact in double; 2^128 becomes infinity as a float.
        return (float)Math.CopySign(Math.Round(x / unit, ties) * unit, x);
    }

    /// <summary>Each of them.</summary>
    public static double[] Round(ProductPrecision format, double[] values) =>
        Array.ConvertAll(values, v => (double)Round(format, (float)v));
}
