using Lur.Device;
using Lur.Programs;
using Lur.Reports;
using Lur.Runs;
using Lur.Tensors;

namespace Lur.Cli.Printing;

/// <summary>Prints what a step takes on the device, before anything runs (<c>--plan</c>).</summary>
internal static class PlanPrinter
{
    // As many groups of nodes as a step's cost usually hangs on.
    private const int Shown = 5;

    /// <summary>Prints a plan.</summary>
    public static void Print(CommandContext context, StepMemory memory)
    {
        var table = new Table(
            "plan",
            new Column("role", "Role"),
            new Column("buffers", "Buffers", Right: true),
            new Column("bytes", "Bytes", Right: true)
        );
        foreach (var (role, buffers, bytes) in memory.Roles)
            table.Add(role, buffers, Cell.Bytes(bytes));
        table.Add("sum without sharing", memory.Roles.Sum(r => r.Buffers), Cell.Bytes(memory.UnsharedBytes));
        table.Add("alive at once, peak", "", Cell.Bytes(memory.PeakLiveBytes));
        table.Add("arena", "", Cell.Bytes(memory.ArenaBytes));
        table.Add("flat vectors (parameters, gradients, ...)", memory.Vectors, Cell.Bytes(memory.VectorBytes));
        if (memory.FrozenBytes > 0)
            table.Add($"of these, weights that are not trained{Packed(memory.FrozenPacking)}", "", Cell.Bytes(memory.FrozenBytes));
        table.Add("total", "", Cell.Bytes(memory.ArenaBytes + memory.VectorBytes));
        foreach (var (name, bytes) in memory.Further)
            table.Add(name, "", Cell.Bytes(bytes));
        if (memory.Predict() is not { } prediction)
        {
            TablePrinter.Print(context, table);
            return;
        }

        TablePrinter.Print(context, [table, Costliest(prediction), Times(prediction)]);
        context.Note(
            "A prediction and no measurement: every array once from memory at the peaks of the data sheet; registers and shared memory "
                + $"from {prediction.OccupancySource}; docs/kernels.md says what is left out."
        );
    }

    private static string Packed(Packing packing) =>
        packing switch
        {
            Packing.Float16 => ", in float16",
            Packing.BFloat16 => ", in bfloat16",
            _ => "",
        };

    private static Table Costliest(StepPrediction prediction)
    {
        var table = new Table(
            "nodes",
            new Column("section", "Part of the step"),
            new Column("node", "Node"),
            new Column("nodes", "Nodes", Right: true),
            new Column("bytes", "Bytes", Right: true),
            new Column("operations", "Operations", Right: true),
            new Column("occupancy", "Occupancy", Right: true),
            new Column("predictedTime", "Predicted time", Right: true),
            new Column("share", "Share", Right: true),
            new Column("bound", "Bound by")
        )
        {
            Title = $"costliest nodes on {prediction.Model.Name}",
        };
        foreach (var g in prediction.Groups.Take(Shown))
        {
            table.Add(
                g.Section,
                g.Name,
                g.Nodes,
                Cell.Bytes(g.Bytes),
                g.Operations,
                Cell.Percent(g.Occupancy, 0),
                Milliseconds(g.Seconds),
                Cell.Percent(g.Seconds / prediction.Seconds),
                Name(g.Bound)
            );
        }

        return table;
    }

    private static Table Times(StepPrediction prediction)
    {
        var table = new Table(
            "prediction",
            new Column("partOfTheTime", "Part of the time"),
            new Column("predictedTime", "Predicted time", Right: true),
            new Column("share", "Share", Right: true)
        )
        {
            Title = $"a step of {prediction.Nodes.Count:N0} nodes on {prediction.Model.Name}",
        };
        void Add(string what, double seconds) => table.Add(what, Milliseconds(seconds), Cell.Percent(seconds / prediction.Seconds));
        Add("memory decides", prediction.MemorySeconds);
        Add("arithmetic decides", prediction.ArithmeticSeconds);
        Add("shorter than their start", prediction.SmallSeconds);
        Add("starts", prediction.LaunchSeconds);
        Add($"step, products in {prediction.Products.Name()}", prediction.Seconds);
        if (prediction.Products < ProductPrecision.Tf32)
            Add("step, if products were in TF32", prediction.Tf32Seconds);
        if (prediction.Products < ProductPrecision.Bf16)
            Add("step, if products were in bfloat16", prediction.Bfloat16Seconds);
        return table;
    }

    private static Cell Milliseconds(double seconds) => Cell.Number(1e3 * seconds, 3, " ms");

    private static string Name(Bound bound) =>
        bound switch
        {
            Bound.Memory => "memory",
            Bound.Arithmetic => "arithmetic",
            _ => "launch",
        };
}
