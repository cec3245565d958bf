using System.Globalization;
using Lur.Tensors;

namespace Lur.Data;

/// <summary>A folder of pictures with captions (<see cref="CaptionedPictures"/>), in one or in the parts train and test. To the program a
/// caption is a class.</summary>
internal static class CaptionedFolder
{
    /// <summary>Name of the format.</summary>
    public const string Format = "captioned";

    private static readonly string[] s_tests = ["test", "validation", "val"];

    /// <summary>True for such a folder.</summary>
    public static bool IsIn(string folder) => CaptionedPictures.AreIn(folder) || TrainIn(folder) is not null;

    /// <summary>Opens it. Without a part for the test a share of all pictures is held out, whatever their captions: most captions have one
    /// picture.</summary>
    /// <exception cref="UserErrorException">A picture or its caption cannot be read.</exception>
    public static DataSource Open(string folder, DataOptions options)
    {
        var tree = new FolderTree(folder);
        var train = TrainIn(folder);
        var pictures = new CaptionedPictures(train ?? folder, tree);
        var test = train is null
            ? null
            : s_tests
                .Select(name => Path.Combine(folder, name))
                .FirstOrDefault(path => Directory.Exists(path) && CaptionedPictures.AreIn(path));
        if (test is null)
            return HoldOut(Set(train ?? folder, "", pictures, [.. pictures.Captions]), pictures, options, train ?? folder);
        var held = new CaptionedPictures(test, tree);
        string[] captions = [.. pictures.Captions.Union(held.Captions, StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var first = Set(train!, "train/", pictures, captions);
        try
        {
            var second = Set(test, Path.GetFileName(test) + "/", held, captions, first);
            return new DataSource(Format, first, second, test, first, second)
            {
                PictureFolder = folder,
                Warnings = [.. pictures.Warnings().Concat(held.Warnings())],
            };
        }
        catch
        {
            first.Dispose();
            throw;
        }

        ImageFolderDataset Set(string root, string part, CaptionedPictures of, string[] captions, IImageDataset? like = null)
        {
            var size = ImageFolderDataset.SizeOf(options.ImageSize) ?? options.ModelSize;
            var how = new ImageFolderOptions
            {
                Size = size,
                Tree = tree,
                Part = part,
                Spell = options.Spell,
                Captions = (captions, of),
            };
            return ImageFolderDataset.Open(root, how, Format, like);
        }
    }

    private static string? TrainIn(string folder) =>
        Path.Combine(folder, "train") is var train && Directory.Exists(train) && CaptionedPictures.AreIn(train) ? train : null;

    private static DataSource HoldOut(ImageFolderDataset whole, CaptionedPictures pictures, DataOptions options, string folder)
    {
        if (whole.Count < 2)
        {
            whole.Dispose();
            throw new UserErrorException($"'{folder}' has one picture with a caption; a part of the pictures is held out for the test.");
        }

        int[] order = [.. Sequences.Range(0, whole.Count)];
        new RandomStream(options.TestSeed, "data/split of captions").Shuffle<int>(order);
        var take = Math.Clamp((int)Math.Round(options.TestShare * order.Length, MidpointRounding.AwayFromZero), 1, order.Length - 1);
        int[] test = [.. order[..take].Order()],
            train = [.. order[take..].Order()];
        var origin = string.Create(
            CultureInfo.InvariantCulture,
            $"{100 * options.TestShare:0.##} % of the pictures held out with seed {options.TestSeed}"
        );
        return new DataSource(Format, new DatasetView(whole, train), new DatasetView(whole, test), origin, whole)
        {
            HoldsOutTest = true,
            PictureFolder = folder,
            Warnings = [.. pictures.Warnings()],
        };
    }
}
