using Lur.Device;

namespace Lur.Layers;

/// <summary>The sums of group normalisation over x [N, inner, C], for one pass: in one launch where blocks have threads
/// (<c>kernels/operators/group_norm_totals.cu</c>), else in two stages (<c>group_norm.cu</c>).</summary>
/// <param name="Pass">The pass.</param>
/// <param name="Name">Name of the layer.</param>
/// <param name="X">Input.</param>
/// <param name="Mean">Mean of each group, spread over its channels [N, C].</param>
/// <param name="Rstd">The rstd that goes with it [N, C].</param>
/// <param name="Gamma">Scale [C].</param>
/// <param name="Beta">Shift [C].</param>
/// <param name="Groups">Groups of channels.</param>
internal sealed record GroupNormSums(
    NetworkPass Pass,
    string Name,
    Value X,
    Value Mean,
    Value Rstd,
    Operand<Real> Gamma,
    Operand<Real> Beta,
    int Groups
)
{
    /// <summary>What the backward tangent is given beside the gradients.</summary>
    /// <param name="Gamma">Tangent of the scale [C].</param>
    /// <param name="Beta">Tangent of the shift [C].</param>
    /// <param name="X">Tangent of the input.</param>
    /// <param name="Means">p and q [2, N, C].</param>
    internal readonly record struct Tangents(Operand<Real> Gamma, Operand<Real> Beta, Value X, Value Means);

    private bool AtOnce { get; } = Pass.Program.SumsAtOnce;

    private int Samples => X.Shape[0];

    private int Inner => X.Shape.Rows / Samples;

    private int C => X.Shape.Innermost;

    private int Chunks =>
        AtOnce ? SampleChunks.Of(Pass.Device, Samples, Inner, C, ColumnTotals.BlocksOfAMultiprocessor) : SampleChunks.Of(Inner);

    private int All => Samples * Chunks;

    private GroupNormLaunches Split => Pass.Launch.GroupNorm;

    private GroupNormTotalsLaunches Totals => Pass.Launch.GroupNormTotals;

    private LaunchShape Shape => ColumnTotals.Shape(Pass.Device, C, All);

    private LaunchShape OfChunks => Pass.Device.ColumnSums(Samples * Inner, C, All);

    private LaunchShape OfGroups => Pass.Device.Blocks(Samples * Groups, Chunks * C / Groups);

    private Operand<int> Done => ColumnTotals.Counters(Pass.Program, C, Samples);

    /// <summary>Writes <see cref="Mean"/> and <see cref="Rstd"/>.</summary>
    public void Statistics(double epsilon)
    {
        var (samples, inner, c, chunks) = (Samples, Inner, C, Chunks);
        var (offsets, squares) = (Partials("chunk-offsets", All), Partials("chunk-squares", All));
        if (AtOnce)
        {
            Totals.GroupNormTotalStatistics(Shape, Mean, Rstd, offsets, squares, Done, X, samples, inner, c, Groups, chunks, epsilon);
            return;
        }

        Pass.Launch.BatchNorm.BatchNormStatistics(OfChunks, offsets, squares, X, samples * inner, c, All);
        var groups = Pass.Device.Blocks(samples * Groups, inner * c / Groups);
        Split.GroupNormStatisticsFinish(groups, Mean, Rstd, offsets, squares, X, samples, inner, c, Groups, chunks, epsilon);
    }

    /// <summary>p and q of the forward tangent [2, N, C].</summary>
    public Value Means(Value tx) => Sums("tangent-sums", "tangent-means", tx, false, true, default, default)!;

    /// <summary>A and B [2, N, C] where they are needed, and the gradients of the weights where they have a place.</summary>
    public Value? Gradient(Value dy, bool silu, bool means, (Operand<Real> Gamma, Operand<Real> Beta) weights) =>
        Sums("sums", "means", dy, silu, means, Gamma, weights);

    private Value? Sums(
        string what,
        string result,
        Value d,
        bool silu,
        bool needed,
        Operand<Real> scale,
        (Operand<Real> Gamma, Operand<Real> Beta) weights
    )
    {
        var (samples, inner, c, chunks, f) = (Samples, Inner, C, Chunks, silu ? 1 : 0);
        var partials = Partials(what, 2 * All);
        var means = needed ? Pass.Cache($"{Name}/{result}", new Shape(2, samples, c)) : null;
        if (AtOnce)
        {
            Totals.GroupNormTotalSums(
                Shape,
                means,
                weights.Gamma,
                weights.Beta,
                partials,
                Done,
                d,
                X,
                Mean,
                Rstd,
                Gamma,
                Beta,
                scale,
                samples,
                inner,
                c,
                Groups,
                chunks,
                f
            );
            return means;
        }

        Split.GroupNormSums(OfChunks, partials, d, X, Mean, Rstd, Gamma, Beta, samples, inner, c, chunks, f);
        if (!weights.Gamma.IsNull)
            Split.GroupNormWeights(Pass.Device.Blocks(c), weights.Gamma, weights.Beta, partials, c, All);
        if (means is not null)
            Split.GroupNormMeans(OfGroups, means, partials, scale, samples, inner, c, Groups, chunks);
        return means;
    }

    /// <summary>A, B, tA and tB [4, N, C] where they are needed, and the tangents of the weights' gradients where they have a
    /// place.</summary>
    public Value? Tangent(Value dy, Value tdy, Tangents t, bool silu, bool needed, (Operand<Real> Gamma, Operand<Real> Beta) weights)
    {
        var (samples, inner, c, chunks, f) = (Samples, Inner, C, Chunks, silu ? 1 : 0);
        var partials = Partials("product-sums", 4 * All);
        var means = needed ? Pass.Cache($"{Name}/product-means", new Shape(4, samples, c)) : null;
        var (tx, tgamma, tbeta) = (t.X, t.Gamma, t.Beta);
        if (AtOnce)
        {
            Totals.GroupNormTotalTangentSums(
                Shape,
                means,
                weights.Gamma,
                weights.Beta,
                partials,
                Done,
                dy,
                tdy,
                tx,
                X,
                Mean,
                Rstd,
                Gamma,
                Beta,
                tgamma,
                tbeta,
                t.Means,
                samples,
                inner,
                c,
                Groups,
                chunks,
                f
            );
            return means;
        }

        InTwoStages(dy, tdy, t, silu, weights, partials, means);
        return means;
    }

    private void InTwoStages(
        Value dy,
        Value tdy,
        Tangents t,
        bool silu,
        (Operand<Real> Gamma, Operand<Real> Beta) weights,
        Value partials,
        Value? means
    )
    {
        var (samples, inner, c, chunks, all, f) = (Samples, Inner, C, Chunks, All, silu ? 1 : 0);
        var (tx, tgamma, tbeta) = (t.X, t.Gamma, t.Beta);
        Split.GroupNormTangentSums(
            OfChunks,
            partials,
            dy,
            tdy,
            tx,
            X,
            Mean,
            Rstd,
            Gamma,
            Beta,
            tgamma,
            tbeta,
            t.Means,
            samples,
            inner,
            c,
            chunks,
            f
        );
        var last = ((Operand<Real>)partials).At(2L * all * c, Pass.Program.Precision.Size());
        if (!weights.Gamma.IsNull)
            Split.GroupNormWeights(Pass.Device.Blocks(c), weights.Gamma, weights.Beta, last, c, all);
        if (means is not null)
            Split.GroupNormTangentMeans(OfGroups, means, partials, Gamma, tgamma, samples, inner, c, Groups, chunks);
    }

    private Value Partials(string what, int count) =>
        Pass.Program.Real($"{Pass.Name}/{Name}/{what}/partials", ValueRole.Workspace, new Shape(count, C));
}
