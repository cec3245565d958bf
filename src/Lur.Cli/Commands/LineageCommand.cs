using System.CommandLine;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>lur lineage: what a model was made from, and what it was asked to forget.</summary>
internal static class LineageCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "A model, or the folder of its run." };
        return new Command(
            "lineage",
            "List the original of a model and every request since, with verdicts and hashes, and check their records (exit code 3 when "
                + "one does not fit)."
        )
        {
            model,
        }
            .WithShort("List a model's requests and verdicts, and check their records.")
            .WithExamples("lur lineage out/forget/model.safetensors", "lur lineage out/forget --json")
            .Runs((context, parsed, _) => Run(context, Lineage.Read(parsed.GetValue(model)!)));
    }

    private static int Run(CommandContext context, Lineage lineage)
    {
        TablePrinter.Print(context, Table(lineage));
        foreach (var fault in lineage.Faults)
            context.Warn(fault);
        foreach (var missing in lineage.Steps.Where(s => !s.IsThere && s.Faults.Count == 0))
            context.Note(
                missing.Path.Length == 0 ? $"where the model with SHA-256 {missing.Sha256} lay is not on record"
                : missing.IsPurged ? $"'{missing.Path}' was deleted by 'lur purge', as {AuditLog.FileName} has it on record"
                : $"'{missing.Path}' is not there any more"
            );
        if (lineage.Faults.Count == 0)
            context.Note("every record that is there fits");
        return lineage.Faults.Count == 0 ? ExitCode.Done : ExitCode.VerdictFailed;
    }

    private static Table Table(Lineage lineage)
    {
        var table = new Table(
            "lineage",
            new Column("command", "Made by"),
            new Column("state", "State"),
            new Column("method", "Method"),
            new Column("request", "Forgotten"),
            new Column("samples", "Samples", Right: true),
            new Column("forgotten", "In all", Right: true),
            new Column("verdict", "Verdict"),
            new Column("finished", "Date"),
            new Column("modelSha256", "SHA-256"),
            new Column("forgottenSha256", "List"),
            new Column("path", "Model")
        );
        foreach (var s in lineage.Steps)
        {
            table.Add(
                s.Command,
                s.IsThere ? "there"
                    : s.IsPurged ? "purged"
                    : "not there",
                s.Method,
                s.Request,
                Count(s.Samples),
                Count(s.Forgotten),
                s.Verdict.Length > 0 ? new Cell(s.Verdict, Glossary.Find(s.Verdict)?.Title ?? s.Verdict) : "",
                Short(s.Finished, 10),
                Short(s.Sha256, 12),
                Short(s.ForgottenSha256, 12),
                s.Path
            );
        }

        return table;
    }

    private static Cell Count(int? value) => value is { } count ? count : new Cell(null, "");

    private static Cell Short(string text, int length) => new(text, text.Length > length ? text[..length] : text);
}
