using Lur.Device;

namespace Lur.Layers;

/// <summary>The sums of batch normalisation down the channels of x, for one pass: in one launch where blocks have threads
/// (<c>kernels/operators/batch_norm_totals.cu</c>), else in two (<c>batch_norm.cu</c>).</summary>
/// <param name="Pass">The pass.</param>
/// <param name="Name">Name of the layer.</param>
/// <param name="X">Input [rows, C].</param>
/// <param name="Mean">Mean of each channel, of the batch or running [C].</param>
/// <param name="Rstd">The rstd that goes with it [C].</param>
internal sealed record BatchNormSums(NetworkPass Pass, string Name, Value X, Operand<Real> Mean, Value Rstd)
{
    private const double RunningMomentum = 0.1;
    private const int RowsPerChunk = 256;

    private BatchNormLaunches Split => Pass.Launch.BatchNorm;

    private BatchNormTotalsLaunches Totals => Pass.Launch.BatchNormTotals;

    private bool AtOnce { get; } = Pass.Program.SumsAtOnce;

    private int Rows => X.Shape.Rows;

    private int C => X.Shape.Innermost;

    // In two launches 256 rows a chunk, so that partial sums are 1 % of the traffic; at least 16 chunks where rows allow.
    private int Chunks =>
        AtOnce
            ? ColumnTotals.Chunks(Pass.Device, Rows, C)
            : Math.Max((Rows + RowsPerChunk - 1) / RowsPerChunk, Math.Min(16, (Rows + 15) / 16));

    private LaunchShape Shape => ColumnTotals.Shape(Pass.Device, C, Chunks);

    private Operand<int> Done => ColumnTotals.Counters(Pass.Program, C);

    private LaunchShape OfChunks => Pass.Device.ColumnSums(Rows, C, Chunks);

    private LaunchShape OfChannels => Pass.Device.Blocks(C);

    /// <summary>Writes <see cref="Mean"/> and <see cref="Rstd"/> of the batch, and moves the running statistics where they are
    /// given.</summary>
    public void Statistics(Operand<Real> runningMean, Operand<Real> runningVariance, double epsilon)
    {
        var (x, rows, c, chunks) = (X, Rows, C, Chunks);
        var (offsets, squares) = (Partials("chunk-offsets", chunks), Partials("chunk-squares", chunks));
        if (AtOnce)
        {
            Totals.BatchNormTotalStatistics(
                Shape,
                Mean,
                Rstd,
                runningMean,
                runningVariance,
                offsets,
                squares,
                Done,
                x,
                rows,
                c,
                chunks,
                epsilon,
                RunningMomentum
            );
            return;
        }

        Split.BatchNormStatistics(OfChunks, offsets, squares, x, rows, c, chunks);
        Split.BatchNormStatisticsFinish(
            OfChannels,
            Mean,
            Rstd,
            runningMean,
            runningVariance,
            offsets,
            squares,
            x,
            rows,
            c,
            chunks,
            epsilon,
            RunningMomentum
        );
    }

    /// <summary>Means [2, C] of d and d xh over the rows, and the sums into dgamma, dbeta when given.</summary>
    public Value Gradient(Value d, Value? mask, Operand<Real> dgamma, Operand<Real> dbeta, string what)
    {
        var (rows, c, chunks) = (Rows, C, Chunks);
        var partials = Partials(what, 2 * chunks);
        var means = Pass.Cache($"{Name}/{what}", new Shape(2, c));
        if (AtOnce)
        {
            Totals.BatchNormTotalSums(Shape, means, dgamma, dbeta, partials, Done, d, mask, X, Mean, Rstd, rows, c, chunks);
            return means;
        }

        Split.BatchNormSums(OfChunks, partials, d, mask, X, Mean, Rstd, rows, c, chunks);
        Split.BatchNormSumsFinish(OfChannels, means, dgamma, dbeta, partials, 1, rows, c, chunks, 0);
        return means;
    }

    /// <summary>Means [4, C] for the backward tangent, and H v of gamma and beta.</summary>
    public Value Tangent(Value tdy, Value dy, Value? mask, Value tx, Value? tmeans, Operand<Real> tdgamma, Operand<Real> tdbeta)
    {
        var (rows, c, chunks) = (Rows, C, Chunks);
        var partials = Partials("tangent-sums", 4 * chunks);
        var means = Pass.Cache($"{Name}/tangent-sums", new Shape(4, c));
        if (AtOnce)
        {
            Totals.BatchNormTotalTangentSums(
                Shape,
                means,
                tdgamma,
                tdbeta,
                partials,
                Done,
                tdy,
                dy,
                mask,
                tx,
                X,
                Mean,
                Rstd,
                tmeans,
                rows,
                c,
                chunks
            );
            return means;
        }

        Split.BatchNormTangentSums(OfChunks, partials, tdy, dy, mask, tx, X, Mean, Rstd, tmeans, rows, c, chunks);
        Split.BatchNormSumsFinish(OfChannels, means, tdgamma, tdbeta, partials, 2, rows, c, chunks, 0);
        return means;
    }

    private Value Partials(string what, int count) =>
        Pass.Program.Real($"{Pass.Name}/{Name}/{what}/partials", ValueRole.Workspace, new Shape(count, C));
}
