using Lur.Device;

namespace Lur.Layers;

/// <summary>A bias per column of an activation, as the last part of a layer. Linear: its tangent passes are these passes on
/// tangents. Formulas: <c>kernels/operators/bias.cu</c>.</summary>
internal static class BiasRow
{
    private const int RowsPerChunk = 256;

    /// <summary>y += bias, row by row.</summary>
    public static void Add(NetworkPass pass, Value y, Operand<Real> bias)
    {
        var (rows, columns) = (y.Shape.Rows, y.Shape.Innermost);
        pass.Launch.Bias.BiasForward(pass.Device.Rows(rows, columns), y, y, bias, rows, columns);
    }

    /// <summary>dbias = the sum of the rows of dy.</summary>
    public static void Sum(NetworkPass pass, Operand<Real> dbias, Value dy)
    {
        var (rows, columns) = (dy.Shape.Rows, dy.Shape.Innermost);
        var atOnce = pass.Program.SumsAtOnce;
        var chunks = atOnce ? ColumnTotals.Chunks(pass.Device, rows, columns) : (rows + RowsPerChunk - 1) / RowsPerChunk;
        var partials = pass.Program.Real($"{dy.Name}/bias/partials", ValueRole.Workspace, new Shape(chunks, columns));
        if (atOnce)
        {
            var (shape, done) = (ColumnTotals.Shape(pass.Device, columns, chunks), ColumnTotals.Counters(pass.Program, columns));
            pass.Launch.Bias.BiasBackwardTotals(shape, dbias, partials, done, dy, rows, columns, chunks);
            return;
        }

        pass.Launch.Bias.BiasBackwardSums(pass.Device.ColumnSums(rows, columns, chunks), partials, dy, rows, columns, chunks);
        pass.Launch.Bias.BiasBackwardFinish(pass.Device.Blocks(columns), dbias, partials, columns, chunks, 0);
    }
}
