using System.CommandLine;
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

    public static Option<bool> Overwrite() =>
        new("--overwrite") { Description = "Replace an earlier run in the output folder, once this one has its results." };

    public static Option<bool> Resume() =>
        new("--resume") { Description = "Continue from the checkpoint in the output folder; the result is the same to the byte." };

    public static Option<long> CheckpointEvery() =>
        new("--checkpoint-every")
        {
            Description = "Write a checkpoint every N steps; 0 writes one only when the run is interrupted.",
            DefaultValueFactory = _ => 500,
        };

    public static Option<string[]> Forget() =>
        new("--forget", "-f")
        {
            Description =
                "What to forget: class:3, class:cat, random:10%, random:4500, ids.txt, glob:PATTERN, sample:17, sample:NAME; repeatable.",
            Required = true,
        };

    public static Option<ulong> Seed() =>
        new("--seed") { Description = "Seed of every draw; the same seed gives the same bytes.", DefaultValueFactory = _ => 1 };

    public static Option<bool> NoAugment() => new("--no-augment") { Description = "The same as --augment none." };

    public static Option<bool> Plan() => new("--plan") { Description = "Print what a step takes on the device, and stop." };

    public static Option<int?> ImageSize() => new("--image-size") { Description = "Scale images of a folder to this many pixels a side." };

    public static Option<T> Number<T>(string name, string description, T defaultValue) =>
        new(name) { Description = description, DefaultValueFactory = _ => defaultValue };

    public static DataOptions DataOptions(int? imageSize) => new() { ImageSize = imageSize };
}
