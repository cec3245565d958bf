using System.CommandLine;
using Lur.Reports;

namespace Lur.Cli.Commands;

/// <summary>lur explain: what a column, a metric or a verdict means.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var term = new Argument<string?>("TERM")
        {
            Description = "A column, metric, verdict or term; all are listed without one.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("explain", "Say what a column, a metric or a verdict is, and how to read it.") { term }
            .WithExamples("lur explain", "lur explain ua", "lur explain second_order_share")
            .Runs((context, parsed, _) => Run(context, parsed.GetValue(term)));
    }

    private static int Run(CommandContext context, string? term)
    {
        if (term is null)
        {
            var list = new Table("terms", new Column("term", "Term"), new Column("title", "Name"), new Column("what", "What it is"));
            foreach (var e in Glossary.All)
                list.Add(e.Term, e.Title, e.What);
            TablePrinter.Print(context, list);
            return ExitCode.Done;
        }

        if (Glossary.Find(term) is not { } entry)
        {
            var near = Glossary.Near(term);
            throw new UserErrorException(
                $"'{term}' is not explained; "
                    + (near.Count > 0 ? $"did you mean {string.Join(", ", near)}?" : "'lur explain' lists every term.")
            );
        }

        if (context.Json)
        {
            var row = new Table(
                "term",
                new Column("term", ""),
                new Column("title", ""),
                new Column("unit", ""),
                new Column("what", ""),
                new Column("reading", "")
            );
            row.Add(entry.Term, entry.Title, entry.Unit, entry.What, entry.Reading);
            TablePrinter.Print(context, row);
            return ExitCode.Done;
        }

        context.Output.WriteLine($"{entry.Title}{(entry.Unit.Length > 0 ? $" [{entry.Unit}]" : "")}: {entry.What}");
        context.Output.WriteLine($"How to read it: {entry.Reading}");
        return ExitCode.Done;
    }
}
