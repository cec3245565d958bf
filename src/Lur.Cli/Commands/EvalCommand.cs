using System.CommandLine;
using Lur.Cli.Printing;
using Lur.Data;
using Lur.Device;
using Lur.Reports;
using Lur.Runs;
using Lur.Tasks.Classification;

namespace Lur.Cli.Commands;

/// <summary>lur eval: accuracy of a model.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Trained model (safetensors)." };
        var data = SharedOptions.Data();
        var train = new Option<bool>("--train") { Description = "Evaluate the training images instead of the test images." };
        var size = SharedOptions.ImageSize();
        var command = new Command("eval", "Measure the accuracy of a model, per class and in all.") { model, data, train, size };
        return command
            .WithExamples("lur eval out/base/model.safetensors --data cifar-10-batches-bin")
            .Runs(
                (context, parsed, cancel) =>
                    Run(context, parsed.GetValue(model)!, parsed.GetValue(data)!, parsed.GetValue(train), parsed.GetValue(size), cancel)
            );
    }

    private static int Run(CommandContext context, string path, string location, bool train, int? size, CancellationToken cancel)
    {
        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        var progress = RunPrinter.Host(context).Progress;
        using var source = DataAndModel.OpenData(location, path, SharedOptions.DataOptions(size), progress, test: !train);
        using var model = DataAndModel.Load(path, device, source);
        // Where it is drawn from all samples, other samples make another draw.
        if (!train && source.HoldsOutTest && model.History.DataSha256 is { } known && known != source.Train.Fingerprint())
            context.Warn(
                $"{source.Train.Name} is not the data that '{path}' was trained on, or is not any more: among the images held out for the "
                    + "test may be some that the model has seen, which makes it look better than it is."
            );
        using var evaluator = new Evaluator(model);
        var set = train ? source.Train : source.Test;
        Metrics.Predictions predictions;
        using (var stage = new ProgressReporter(context, "evaluate", set.Count, "images"))
        {
            predictions = evaluator.Predict(set, [.. Enumerable.Range(0, set.Count)], n => stage.Report(n), cancel);
        }

        var classes = source.Train.ClassNames;
        var table = new Table(
            "accuracy",
            new Column("class", "Class"),
            new Column("images", "Images", Right: true),
            new Column("accuracy", "Accuracy", Right: true)
        );
        var accuracy = predictions.PerClassAccuracy(classes.Count);
        for (var c = 0; c < classes.Count; c++)
            table.Add(classes[c], predictions.Labels.Count(l => l == c), Cell.Number(accuracy[c], 2, " %"));
        table.Add("all", predictions.Count, Cell.Number(predictions.Accuracy, 2, " %"));
        TablePrinter.Print(context, table);
        return ExitCode.Done;
    }
}
