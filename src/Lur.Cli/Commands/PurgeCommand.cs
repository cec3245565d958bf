using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Reports;
using Lur.Runs;
using Lur.Verification;

namespace Lur.Cli.Commands;

/// <summary>lur purge: deletes what still knows the samples that a request had forgotten.</summary>
internal static class PurgeCommand
{
    public static Command Create()
    {
        var request = new Option<string>("--request") { Description = "Folder of the request's run of 'lur forget'.", Required = true };
        var yes = new Option<bool>("--yes") { Description = "Delete what is listed; without it nothing is." };
        return new Command(
            "purge",
            "List what still holds the knowledge of a request's samples (the original model, checkpoints, reference models), and delete it "
                + "with --yes. The unlearned model and the data stay; what cannot be reached is named."
        )
        {
            request,
            yes,
        }
            .WithShort("List, or delete, what still knows the forgotten samples.")
            .WithExamples("lur purge --request out/forget", "lur purge --request out/forget --yes")
            .Runs((context, parsed, _) => Run(context, parsed.GetValue(request)!, parsed.GetValue(yes)));
    }

    private static int Run(CommandContext context, string folder, bool yes)
    {
        var host = RunPrinter.Host(context);
        var plan = Purge.Plan(folder, ReferenceCache.DefaultFolder, host);
        Table deletable = new("delete", new Column("what", "What"), new Column("path", "Path")) { Title = yes ? "Deleted" : "To delete" },
            left = new("outOfReach", new Column("what", "Out of reach"));
        foreach (var item in plan.Items)
            deletable.Add(item.What, item.Path);
        foreach (var text in plan.OutOfReach)
            left.Add(text);
        if (yes)
            Purge.Carry(plan, host);
        TablePrinter.Print(context, [deletable, left]);
        foreach (var item in plan.Purged)
            context.Note($"'{item.Path}' ({item.What}) was deleted by an earlier purge");
        context.Note(
            yes ? $"deleted {plan.Items.Count}; {AuditLog.FileName} of '{folder}' has it on record"
            : plan.Items.Count == 0 ? "nothing to delete"
            : "nothing was deleted; --yes deletes what is listed first ('lur verify' needs the original: verify before)"
        );
        return ExitCode.Done;
    }
}
