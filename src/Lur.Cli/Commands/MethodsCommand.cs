using System.CommandLine;
using Lur.Reports;
using Lur.Unlearning;

namespace Lur.Cli.Commands;

/// <summary>lur methods: what there is, what each needs, and every option with its source.</summary>
internal static class MethodsCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("NAME")
        {
            Description = "A method to explain; all are listed without one.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        name.Validators.Add(MethodCommandOptions.CheckName);
        return new Command(
            "methods",
            "List the unlearning methods, or explain one: what it needs, its options and where their defaults come from."
        )
        {
            name,
        }
            .WithShort("List the unlearning methods, or explain one.")
            .WithExamples("lur methods", "lur methods lur")
            .Runs(
                (context, parsed, _) =>
                {
                    if (parsed.GetValue(name) is { } one)
                        Explain(context, one);
                    else
                        List(context);
                    return ExitCode.Done;
                }
            );
    }

    private static void List(CommandContext context)
    {
        var table = new Table(
            "methods",
            new Column("name", "Name"),
            new Column("title", "Title"),
            new Column("models", "Models"),
            new Column("needs", "Needs"),
            new Column("summary", "What it does")
        );
        foreach (var m in MethodCatalog.All)
            table.Add(m.Name, m.Title, ModelsOf(m), NeedsOf(m.Needs), m.Summary);
        TablePrinter.Print(context, table);
    }

    // A name may stand for two methods, each with its options.
    private static void Explain(CommandContext context, string name)
    {
        var known = MethodCatalog.Find(name).Name;
        TablePrinter.Print(context, [.. MethodCatalog.All.Where(m => m.Name == known).SelectMany(Tables)]);
    }

    private static Table[] Tables(MethodDefinition method)
    {
        var suffix = method.Task == MethodTask.Diffusion ? "OfUNets" : "";
        var facts = new Table("method" + suffix, new Column("property", "Method"), new Column("value", method.Title));
        facts.Add("what it does", method.Summary);
        facts.Add("models", ModelsOf(method));
        facts.Add("needs", NeedsOf(method.Needs));
        facts.Add("source", method.Source);
        facts.Add("departures", method.Departures.Length == 0 ? "none" : method.Departures);
        var options = new Table(
            "options" + suffix,
            new Column("option", "Option"),
            new Column("default", "Default", Right: true),
            new Column("description", "Meaning"),
            new Column("source", "Source of the default")
        );
        foreach (var o in method.Options)
            options.Add("--" + o.Name, o.Default, o.Description, o.Source);
        return [facts, options];
    }

    private static string ModelsOf(MethodDefinition method) => method.Task == MethodTask.Diffusion ? "UNets" : "classifiers";

    private static string NeedsOf(MethodNeeds needs) =>
        string.Join(
            ", ",
            new[]
            {
                (MethodNeeds.RetainData, "retain data"),
                (MethodNeeds.ForgetData, "forget data"),
                (MethodNeeds.ForgetLabels, "forget labels"),
                (MethodNeeds.Fisher, "Fisher"),
            }
                .Where(n => needs.HasFlag(n.Item1))
                .Select(n => n.Item2)
        );
}
