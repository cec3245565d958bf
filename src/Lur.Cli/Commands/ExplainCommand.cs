using System.CommandLine;
using Lur.Reports;

namespace Lur.Cli.Commands;

/// <summary>lur explain: what a column, a metric or a verdict means.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var terms = new Argument<string[]>("TERM")
        {
            Description = "Columns, metrics, verdicts or terms; all are listed without one.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        return new Command("explain", "Say what a column, a metric or a verdict is, and how to read it.") { terms }
            .WithShort("Say what a column, a metric or a verdict means.")
            .WithExamples("lur explain", "lur explain verdict", "lur explain ua ra ta mia", "lur explain second_order_share")
            .Runs((context, parsed, _) => Run(context, parsed.GetValue(terms) ?? []));
    }

    private static int Run(CommandContext context, string[] terms)
    {
        if (terms.Length == 0)
        {
            var list = new Table("terms", new Column("term", "Term"), new Column("title", "Name"), new Column("what", "What it is"));
            foreach (var e in Glossary.All)
                list.Add(e.Term, e.Title, e.What);
            TablePrinter.Print(context, list);
            return ExitCode.Done;
        }

        // Several words may be one term: second order share.
        GlossaryEntry[] entries = Glossary.Find(string.Concat(terms)) is { } one ? [one] : [.. terms.Select(Find).Distinct()];
        if (context.Json)
        {
            var rows = new Table(
                "term",
                new Column("term", ""),
                new Column("title", ""),
                new Column("unit", ""),
                new Column("what", ""),
                new Column("reading", "")
            );
            foreach (var entry in entries)
                rows.Add(entry.Term, entry.Title, entry.Unit, entry.What, entry.Reading);
            TablePrinter.Print(context, rows);
            return ExitCode.Done;
        }

        foreach (var (i, entry) in entries.Index())
        {
            if (i > 0)
                context.Output.WriteLine();
            context.Output.WriteLine($"{entry.Title}{(entry.Unit.Length > 0 ? $" [{entry.Unit}]" : "")}: {entry.What}");
            context.Output.WriteLine($"How to read it: {entry.Reading}");
        }

        return ExitCode.Done;
    }

    private static GlossaryEntry Find(string term)
    {
        if (Glossary.Find(term) is { } entry)
            return entry;
        var near = Glossary.Near(term);
        throw new UserErrorException(
            $"'{term}' is not explained; "
                + (near.Count > 0 ? $"did you mean {string.Join(", ", near)}?" : "'lur explain' lists every term.")
        );
    }
}
