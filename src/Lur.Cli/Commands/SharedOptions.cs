using System.CommandLine;
using System.Numerics;
using Lur.Data;

namespace Lur.Cli.Commands;

/// <summary>Options that several commands take, with one wording.</summary>
internal static class SharedOptions
{
    public static Option<string> Data() =>
        new("--data", "-d")
        {
            Description =
                "Data set: a folder of CIFAR-10/100 binaries, IDX files or class folders of images, one such file, or "
                + "synthetic[:train=N,test=M,seed=S].",
            Required = true,
        };

    public static Option<string> Output() =>
        new("--output", "-o") { Description = "Folder for everything the run leaves behind.", Required = true };

    public static Option<string[]> Forget() =>
        new("--forget", "-f")
        {
            Description = "What to forget: class:3, class:cat, random:10%, random:4500, ids.txt, glob:PATTERN; repeatable.",
            Required = true,
        };

    public static Option<ulong> Seed() => Number("--seed", "Seed of every draw; the same seed gives the same bytes.", 1UL);

    public static Option<bool> NoAugment() => new("--no-augment") { Description = "The same as --augment none." };

    public static Option<bool> Plan() => new("--plan") { Description = "Print what a step takes on the device, and stop." };

    public static Option<int?> ImageSize() =>
        new("--image-size")
        {
            Description = "Scale images of a folder to this many pixels a side; with a model its own size is the default.",
            CustomParser = result => NumberText.Parse<int>(result),
        };

    public static Option<T> Number<T>(string name, string description, T defaultValue)
        where T : struct, INumber<T> =>
        new(name)
        {
            Description = description,
            DefaultValueFactory = _ => defaultValue,
            CustomParser = NumberText.Parse<T>,
        };

    public static DataOptions DataOptions(int? imageSize) => new() { ImageSize = imageSize, Spell = option => "--" + option };

    /// <summary>Passes on what a person should know of a data set.</summary>
    public static void Warn(CommandContext context, DataSource source)
    {
        foreach (var warning in source.Warnings)
            context.Warn(warning);
    }
}
