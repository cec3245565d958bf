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

/// <summary>Spellings and demands of these.</summary>
public static class ProductPrecisions
{
    /// <summary>The names, for help and messages.</summary>
    public const string Known = "float32, tf32, bf16";

    /// <summary>Its name in files and on the command line.</summary>
    public static string Name(this ProductPrecision precision) =>
        precision switch
        {
            ProductPrecision.Tf32 => "tf32",
            ProductPrecision.Bf16 => "bf16",
            _ => "float32",
        };

    /// <summary>Reads a name.</summary>
    /// <exception cref="UserErrorException">There is no such precision.</exception>
    public static ProductPrecision Parse(string name) =>
        Enum.GetValues<ProductPrecision>().Cast<ProductPrecision?>().FirstOrDefault(p => p!.Value.Name() == name)
        ?? throw new UserErrorException($"There is no precision '{name}'; known are {Known}.") { IsUsage = true };

    /// <summary>Checks that a device has it: tensor cores that take TF32 and bf16 came with compute capability 8.0, and the host driver
    /// rounds by itself.</summary>
    /// <exception cref="UserErrorException">It has not.</exception>
    public static void Require(this ProductPrecision precision, ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var capability = device.Properties.ComputeCapability;
        if (precision != ProductPrecision.Float32 && capability.Major is > 2 and < 8)
        {
            throw new UserErrorException(
                $"The precision {precision.Name()} needs a GPU of compute capability 8.0 or newer, and {device.Properties.Name} has "
                    + $"{capability}; take float32."
            );
        }
    }
}
