using System.Globalization;

namespace Lur.Data;

/// <summary>Data sets that need no download: <c>synthetic</c> to classify, <c>shapes</c> to draw, <c>captions</c> to draw from
/// sentences.</summary>
internal static class GeneratedSets
{
    private const string Synthetic = "synthetic",
        Shapes = "shapes",
        Captions = "captions",
        CaptionShapes = "captions-shapes",
        CaptionColours = "captions-colours";

    /// <summary>True for the name of a generated set, with or without its numbers. A folder of that name is given with a
    /// slash.</summary>
    public static bool IsName(string location) => NameOf(location) is Synthetic or Shapes or Captions or CaptionShapes or CaptionColours;

    /// <summary>Opens <c>NAME[:train=N,test=M,seed=S]</c>.</summary>
    /// <exception cref="UserErrorException">The numbers cannot be read.</exception>
    public static DataSource Open(string location)
    {
        var name = NameOf(location);
        int train = 8000,
            test = 2000;
        ulong seed = 1;
        var given = location.Length > name.Length ? location[(name.Length + 1)..] : "";
        foreach (var part in given.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var pair = part.Split('=');
            var good =
                pair.Length == 2
                && pair[0] switch
                {
                    "train" => int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out train) && train >= 10,
                    "test" => int.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out test) && test >= 10,
                    "seed" => ulong.TryParse(pair[1], NumberStyles.None, CultureInfo.InvariantCulture, out seed),
                    _ => false,
                };
            if (!good)
                throw new UserErrorException(
                    $"'{part}' in '{location}' is not understood; write {name}:train=N,test=M,seed=S with N and M at least 10."
                )
                {
                    IsUsage = true,
                };
        }

        var (trainSet, testSet) = (Set(name, train, seed, SyntheticPart.Train), Set(name, test, seed, SyntheticPart.Test));
        return new DataSource(name == Captions ? Captions : Synthetic, trainSet, testSet, $"generated, seed {seed}", trainSet, testSet);
    }

    private static IImageDataset Set(string name, int count, ulong seed, SyntheticPart part) =>
        name switch
        {
            Shapes => new ShapesDataset(count, seed, part),
            Captions => new CaptionsDataset(count, seed, part),
            CaptionShapes or CaptionColours => new CaptionContents(new CaptionsDataset(count, seed, part), name == CaptionColours),
            _ => new SyntheticDataset(count, seed, part),
        };

    /// <summary>The images of a generated set of captions with the sets of their shapes for labels; null for another location.</summary>
    public static string? ShapesOf(string location) => NameOf(location) == Captions ? CaptionShapes + location[Captions.Length..] : null;

    private static string NameOf(string location) => location.Split(':', 2)[0];
}
