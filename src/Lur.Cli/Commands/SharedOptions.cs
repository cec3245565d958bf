using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Lur.Cli.Printing;
using Lur.Data;
using Lur.Device;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>Options that several commands take, with one wording.</summary>
internal static class SharedOptions
{
    public static Option<string> Data() =>
        new Option<string>("--data", "-d")
        {
            Description =
                "Data set: a folder of CIFAR-10/100 binaries, IDX files or class folders of images, one such file, or "
                + "synthetic[:train=N,test=M,seed=S], or shapes likewise.",
            Required = true,
        }.WithShort("CIFAR, IDX or image folders, or 'synthetic'.");

    public static Option<string> Output() =>
        new("--output", "-o") { Description = "Folder for everything the run leaves behind.", Required = true };

    public static Option<bool> Overwrite() =>
        new("--overwrite") { Description = "Replace an earlier run in the output folder, once this one has its results." };

    public static Option<bool> Resume() =>
        new Option<bool>("--resume")
        {
            Description = "Continue from the checkpoint in the output folder; the result is the same to the byte.",
        }.WithShort("Continue from the checkpoint in the folder.");

    public static Option<long> CheckpointEvery() =>
        Number<long>(
            "--checkpoint-every",
            "Write a checkpoint every N steps; 0 writes one only when the run is interrupted.",
            500,
            "a whole number of steps of at least 0",
            n => n >= 0
        );

    /// <summary>Forms of what is to be forgotten, or left out.</summary>
    public const string Forms =
        "class:3, class:cat, class:3,5, random:10%, random:4500, a file of samples (ids.txt), glob:PATTERN, sample:17, sample:NAME";

    public static Option<string[]> Forget(bool required = true) =>
        new Option<string[]>("--forget", "-f") { Description = $"What to forget: {Forms}; repeatable.", Required = required }.WithShort(
            "What: class:3, class:cat,dog, random:10%, ids.txt."
        );

    public static Option<ulong> Seed() =>
        Number<ulong>(
                "--seed",
                "Seed of every draw; the same seed gives the same bytes.",
                1,
                $"a whole number from 0 to {ulong.MaxValue}",
                _ => true
            )
            .WithShort("Seed of every draw.");

    /// <summary>The precision of products, checked; <see cref="ProductPrecisions.Parse"/> reads it.</summary>
    public static Option<string> Precision()
    {
        var option = new Option<string>("--precision")
        {
            Description =
                "What the factors of matrix products and convolutions are rounded to in the steps, for tensor cores: "
                + $"{ProductPrecisions.Known}. Sums, weights, statistics, losses and updates are float32, and so is what judges or draws.",
            HelpName = "P",
            DefaultValueFactory = _ => ProductPrecision.Float32.Name(),
        };
        option.Validators.Add(result =>
        {
            var name = result.GetValue(option);
            if (Enum.GetValues<ProductPrecision>().All(p => p.Name() != name))
                result.AddError($"Option --precision is '{name}'; it takes one of {ProductPrecisions.Known}.");
        });
        return option.WithShort($"Of the factors of products: {ProductPrecisions.Known}.");
    }

    public static Option<bool> NoAugment() => new("--no-augment") { Description = "The same as --augment none." };

    public static Option<bool> Plan() => new("--plan") { Description = "Print what a step takes on the device, and stop." };

    /// <summary>The GPU that <c>--plan</c> predicts for, checked to come with it.</summary>
    public static Option<string?> DeviceModelOption(Option<bool> plan)
    {
        var option = new Option<string?>("--device-model")
        {
            Description =
                "With --plan: plan for this GPU, which need not be here, and predict from bytes, operations and launches how long a step "
                + $"takes there: {DeviceModel.Known}.",
            HelpName = "GPU",
        }.WithShort($"With --plan: predict a step on {DeviceModel.Known}.");
        option.Validators.Add(result =>
        {
            if (!result.GetValue(plan))
                result.AddError("--device-model goes with --plan; it predicts a step and runs none.");
        });
        return option;
    }

    /// <summary>Where a plan is made: here, or as if on a model of GPU.</summary>
    public static RunHost Planner(RunHost host, string? model) =>
        model is null ? host : host with { Device = host.Device with { PlannedAs = DeviceModel.Find(model) } };

    public static Option<int?> ImageSize()
    {
        const string takes = "a number of pixels from 1 to 4096";
        return new Option<int?>("--image-size")
        {
            Description = "Scale the images to this many pixels a side; with a model its own size is the default.",
            HelpName = "N",
            CustomParser = result => Read<int>(result, takes, n => n is >= 1 and <= 4096),
        };
    }

    /// <summary>An option that takes a number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">Its help.</param>
    /// <param name="defaultValue">Default.</param>
    /// <param name="takes">What it takes, as the end of "it takes ...".</param>
    /// <param name="inRange">Whether a number is within that.</param>
    public static Option<T> Number<T>(string name, string description, T defaultValue, string takes, Predicate<T> inRange)
        where T : struct, INumber<T> =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => defaultValue,
            CustomParser = result => Read(result, takes, inRange),
        };

    /// <summary>An option that takes a number and has no default; as <see cref="Number{T}"/>.</summary>
    public static Option<T?> Optional<T>(string name, string description, string takes, Predicate<T> inRange)
        where T : struct, INumber<T> =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = result => Read(result, takes, inRange),
        };

    /// <summary>What was given for an option; a default of the caller's own where nothing was.</summary>
    public static T Given<T>(ParseResult parsed, Option<T> option, T otherwise) =>
        parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option)! : otherwise;

    /// <summary>An option whose value is a list: given once with commas, several times, or both.</summary>
    public static Option<string[]> List(string name, string description, params string[] aliases) =>
        new(name, aliases) { Description = description };

    public static DataOptions DataOptions(int? imageSize) => new() { ImageSize = imageSize, Spell = option => "--" + option };

    /// <summary>Opens a data set, and says what a person should know of it.</summary>
    public static DataSource Open(CommandContext context, string location, int? imageSize) =>
        DataAndModel.OpenData(location, DataOptions(imageSize), RunPrinter.Host(context).Progress);

    /// <summary>Numbers of an option that is given once with commas, several times, or both.</summary>
    /// <param name="option">Its name.</param>
    /// <param name="texts">What was given; null for nothing.</param>
    /// <param name="takes">What it takes, as the end of "it takes ...".</param>
    /// <param name="inRange">Whether a number is within that.</param>
    /// <exception cref="UsageException">It is none.</exception>
    public static T[] Numbers<T>(string option, IReadOnlyList<string>? texts, string takes, Predicate<T> inRange)
        where T : struct, INumber<T>
    {
        var style = IsFraction<T>() ? Fraction : NumberStyles.None;
        return
        [
            .. (texts ?? []).SelectMany(text =>
                text.Split(',')
                    .Select(part =>
                        T.TryParse(part.Trim(), style, CultureInfo.InvariantCulture, out var number) && inRange(number)
                            ? number
                            : throw new UsageException($"Option {option} is '{text}'; it takes {takes}.")
                    )
            ),
        ];
    }

    // A whole number is written in digits: 1e3 or 5.0 may be a slip.
    private const NumberStyles Fraction = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    private static bool IsFraction<T>() => typeof(T) == typeof(double);

    /// <summary>Reads a number in the one form that means the same everywhere: a point for the fraction, no separators of
    /// thousands.</summary>
    private static T Read<T>(ArgumentResult result, string takes, Predicate<T> inRange)
        where T : struct, INumber<T>
    {
        var text = result.Tokens[^1].Value;
        var name = (result.Parent as OptionResult)?.Option.Name ?? result.Argument.Name;
        var style = NumberStyles.AllowLeadingSign | (IsFraction<T>() ? Fraction : NumberStyles.None);
        if (T.TryParse(text, style, CultureInfo.InvariantCulture, out var number) && T.IsFinite(number) && inRange(number))
            return number;
        result.AddError($"Option {name} is '{text}'; it takes {takes}.");
        return default;
    }
}
