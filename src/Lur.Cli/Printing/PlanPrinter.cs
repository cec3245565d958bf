using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>Prints what a step takes on the device, before anything runs (<c>--plan</c>).</summary>
internal static class PlanPrinter
{
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
        table.Add("total", "", Cell.Bytes(memory.ArenaBytes + memory.VectorBytes));
        foreach (var (name, bytes) in memory.Further)
            table.Add(name, "", Cell.Bytes(bytes));
        TablePrinter.Print(context, table);
    }
}
