using System.CommandLine;
using Lur.Data;
using Lur.Device;
using Lur.Reports;
using Lur.Runs;
using Lur.Unlearning;
using Lur.Verification;

namespace Lur.Cli.Commands;

/// <summary>lur check grad: derivatives of a model against finite differences, or of a fixture against another program.</summary>
/// <remarks>Over budget: a command declares its options and reads them in one method.</remarks>
internal static class CheckCommand
{
    public static Command Create() => new("check", "Check that the numbers are right.") { CreateGradient() };

    private static Command CreateGradient()
    {
        var fixture = new Option<string?>("--fixture")
        {
            Description = "Compare with the numbers of this file (docs/gradient-fixtures.md) instead.",
        };
        var model = new Option<string?>("--model", "-m") { Description = "Model to check; default: a small random ResNet." };
        var data = new Option<string>("--data", "-d")
        {
            Description = "Data set the batches come from.",
            DefaultValueFactory = _ => "synthetic:train=256,test=16",
        };
        var batch = SharedOptions.Number(
            "--batch",
            "Samples of the retain batch and of the forget batch.",
            8,
            "a whole number of at least 1",
            n => n >= 1
        );
        var lur = new RecordOptions([
            One("alpha", "alpha of the bilevel objective."),
            One("lambda", "lambda of the bilevel objective."),
            One("bn", "BatchNorm policy of the passes."),
        ]);
        var precision = SharedOptions.Precision();
        precision.Description =
            "Compare derivatives whose products have factors of this precision with those in float32 instead, in float32, of a model of "
            + $"either kind: {ProductPrecisions.Known}.";
        var single = new Option<bool>("--float") { Description = "Check a fixture in float instead of double." };
        var seed = SharedOptions.Seed();
        var size = SharedOptions.ImageSize();
        var command = new Command(
            "grad",
            "Compare gradient, Hessian-vector product and LUR gradient with finite differences in float64; exit code 3 if they disagree."
        )
        {
            fixture,
            model,
            data,
            batch,
        };
        foreach (var option in lur.All.Concat([precision, single, seed, size]))
            command.Options.Add(option);
        return command
            .WithExamples(
                "lur check grad",
                "lur check grad --model out/base/model.safetensors --data cifar-10-batches-bin",
                "lur check grad --fixture fixture.safetensors"
            )
            .Runs(
                (context, parsed) =>
                {
                    using var device = ComputeDevice.Open(context.DeviceOrdinal);
                    if (parsed.GetValue(fixture) is { } path)
                        return Report(context, CheckFixture(path, device, parsed.GetValue(single) ? Precision.Float32 : Precision.Float64));

                    var options = LurOptions.Read("lur check grad", lur.Given(parsed));
                    using var source = SharedOptions.Open(context, parsed.GetValue(data)!, parsed.GetValue(size));
                    if (ProductPrecisions.Parse(parsed.GetValue(precision)!) is not ProductPrecision.Float32 and var products)
                        return Report(
                            context,
                            CheckPrecision(device, source, parsed.GetValue(model), parsed.GetValue(batch), products, parsed.GetValue(seed))
                        );
                    return Report(
                        context,
                        Check(device, source, parsed.GetValue(model), parsed.GetValue(batch), options, parsed.GetValue(seed))
                    );
                }
            );
    }

    private static IReadOnlyList<CheckLine> CheckFixture(string path, ComputeDevice device, Precision precision)
    {
        if (DiffusionFixture.Claims(path))
        {
            using var diffusion = DiffusionFixture.Open(path);
            return DiffusionCheck.Run(diffusion, device, precision);
        }

        using var numbers = GradientFixture.Open(path);
        return FixtureCheck.Run(numbers, device, precision);
    }

    private static OptionInfo One(string name, string description) =>
        LurOptions.List.First(o => o.Name == name) with
        {
            Description = description,
        };

    private static IReadOnlyList<CheckLine> Check(
        ComputeDevice device,
        DataSource source,
        string? path,
        int batch,
        LurOptions options,
        ulong seed
    )
    {
        if (batch < 1 || 2 * batch > source.Train.Count)
            throw new UserErrorException(
                $"Option --batch is {batch}; it must be from 1 to {source.Train.Count / 2}, half of the training images."
            );
        using var model = path is null
            ? DataAndModel.Create("resnet[1,1]:w8", device, source, seed, precision: Precision.Float64)
            : DataAndModel.Load(path, device, source, Precision.Float64);
        var order = new Lur.Tensors.RandomStream(seed, "gradient-check/batch").Permutation(source.Train.Count);
        using var check = new GradientCheck(model, source.Train, order[..batch], order[batch..(2 * batch)], options);
        return check.Run(seed);
    }

    private static IReadOnlyList<CheckLine> CheckPrecision(
        ComputeDevice device,
        DataSource source,
        string? path,
        int batch,
        ProductPrecision products,
        ulong seed
    )
    {
        if (batch > source.Train.Count)
            throw new UserErrorException($"Option --batch is {batch}; there are {source.Train.Count} training images.");
        using var model = path is null
            ? DataAndModel.Create("resnet[1,1]:w8", device, source, seed)
            : DataAndModel.Load(path, device, source);
        return PrecisionCheck.Run(model, source.Train, [.. Enumerable.Range(0, source.Train.Count)], batch, products, seed);
    }

    private static int Report(CommandContext context, IReadOnlyList<CheckLine> lines)
    {
        var table = new Table(
            "check",
            new Column("quantity", "Quantity"),
            new Column("error", "Relative error", Right: true),
            new Column("tolerance", "Allowed", Right: true),
            new Column("passed", "Verdict")
        );
        foreach (var line in lines)
        {
            table.Add(
                line.Name,
                new Cell(line.Error, line.Error.ToString("E2", System.Globalization.CultureInfo.InvariantCulture)),
                new Cell(line.Tolerance, line.Tolerance.ToString("E0", System.Globalization.CultureInfo.InvariantCulture)),
                new Cell(line.Passed, line.Passed ? "agrees" : "DISAGREES")
            );
        }

        TablePrinter.Print(context, table);
        var failed = lines.Count(l => !l.Passed);
        context.Note(failed == 0 ? $"all {lines.Count} quantities agree" : $"{failed} of {lines.Count} quantities disagree");
        return failed == 0 ? ExitCode.Done : ExitCode.VerdictFailed;
    }
}
