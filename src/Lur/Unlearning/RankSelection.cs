using Lur.Device;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Order statistics of a flat vector on the device, by the radix selection of <c>kernels/methods/trim.cu</c>: exact, the same
/// bits on every device; the vector is not read back.</summary>
internal static class RankSelection
{
    /// <summary>Parts that a vector is counted in; the counts are int [3, Parts].</summary>
    public const int Parts = 512;

    /// <summary>Makes or records the selection.</summary>
    /// <param name="launch">Launchers of a program, or of a device at once.</param>
    /// <param name="result">Receives the k-th smallest element as double.</param>
    /// <param name="state">Two numbers; holds 0 and k, counted from 1, and is used up.</param>
    /// <param name="counts">Scratch, int [3, <see cref="Parts"/>].</param>
    /// <param name="x">Vector, without NaN.</param>
    /// <param name="n">Its length.</param>
    public static void Select(LaunchSet launch, Operand<double> result, Operand<ulong> state, Operand<int> counts, Operand<Real> x, int n)
    {
        var (kernels, device) = (launch.Trim, launch.Device);
        for (var shift = (8 * launch.Precision.Size()) - 2; shift >= 0; shift -= 2)
        {
            kernels.TrimSelectCount(device.Blocks(Parts), counts, x, state, n, Parts, shift);
            kernels.TrimSelectDigit(device.Blocks(1), state, counts, Parts, shift);
        }

        kernels.TrimSelectEnd(device.Elements(1), result, state);
    }

    /// <summary>The k-th smallest element, on the host; waits for the device.</summary>
    /// <param name="x">Vector, without NaN.</param>
    /// <param name="k">Counted from 1.</param>
    public static double Read(FlatVector x, int k)
    {
        // Eight-byte places: state 2, result 1, then the counts.
        var layout = new ParameterLayout();
        layout.Add("selection", ParameterKind.Matrix, new Shape(1, 3 + (3 * Parts * sizeof(int) / sizeof(double))));
        var device = x.Device;
        using var scratch = new FlatVector(device, Precision.Float64, layout, "selection");
        Operand<double> At(int place) => scratch.Wide.At(place, sizeof(double));
        var (state, result) = (At(0).As<ulong>(), At(2));
        device.Kernels(x.Precision).Trim.TrimSelectBegin(device.Elements(1), state.Pointer, k);
        Select(LaunchSet.Immediate(device, x.Precision), result, state, At(3).As<int>(), x, x.Count);
        var read = new double[1];
        device.Download(read.AsSpan(), result.Pointer);
        return read[0];
    }

    /// <summary>Records the selection in a program.</summary>
    /// <param name="p">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="x">Vector, without NaN.</param>
    /// <param name="state">ulong [2]; holds 0 and k when the selection runs.</param>
    /// <returns>The k-th smallest element, double [1].</returns>
    public static Value Select(Program p, string name, FlatVector x, Value state)
    {
        var result = p.Raw($"{name}/selected", ValueRole.Output, new Shape(1), sizeof(double));
        var counts = p.Raw($"{name}/digits", ValueRole.Workspace, new Shape(3, Parts), sizeof(int));
        Select(p.Launch, result, state, counts, x, x.Count);
        return result;
    }
}
