namespace Lur.Device;

/// <summary>What the factors of matrix products and convolutions are rounded to. Sums are float32 in all of them, and so is all that is
/// no product: weights, statistics, losses, updates.</summary>
public enum ProductPrecision
{
    /// <summary>Not at all.</summary>
    Float32,

    /// <summary>To 10 bits behind the point and the range of float32; ties away from zero. Relative error 2^-11 a factor.</summary>
    Tf32,

    /// <summary>bfloat16: to 7 bits behind the point and the range of float32; ties to even. Relative error 2^-8 a factor.</summary>
    Bf16,
}
