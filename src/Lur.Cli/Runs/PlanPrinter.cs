using Lur.Models;
using Lur.Programs;
using Lur.Reports;

namespace Lur.Cli.Runs;

/// <summary>Prints what a step takes on the device, before anything runs (<c>--plan</c>).</summary>
internal static class PlanPrinter
{
    /// <summary>Prints a planned program.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="program">The planned step.</param>
    /// <param name="model">Its model.</param>
    /// <param name="more">Further rows.</param>
    /// <param name="vectors">Flat vectors that live beside the arena: parameters, gradient, momentum, ...</param>
    public static int Print(
        CommandContext context,
        Program program,
        Model model,
        int vectors,
        IReadOnlyList<(string Name, long Bytes)>? more = null
    )
    {
        var report = program.Plan();
        var table = new Table(
            "plan",
            new Column("role", "Role"),
            new Column("buffers", "Buffers", Right: true),
            new Column("bytes", "Bytes", Right: true)
        );
        foreach (var line in report.Lines)
            table.Add(line.Role.ToString(), line.Buffers, Cell.Bytes(line.Bytes));
        table.Add("sum without sharing", report.Lines.Sum(l => l.Buffers), Cell.Bytes(report.UnsharedBytes));
        table.Add("alive at once, peak", "", Cell.Bytes(report.PeakLiveBytes));
        table.Add("arena", "", Cell.Bytes(report.ArenaBytes));
        var flat = (vectors * model.Parameters.Bytes) + model.Buffers.Bytes;
        table.Add("flat vectors (parameters, gradients, ...)", vectors, Cell.Bytes(flat));
        table.Add("total", "", Cell.Bytes(report.ArenaBytes + flat));
        foreach (var (name, bytes) in more ?? [])
            table.Add(name, "", Cell.Bytes(bytes));
        TablePrinter.Print(context, table);
        return ExitCode.Done;
    }
}
