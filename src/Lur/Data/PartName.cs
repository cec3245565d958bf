namespace Lur.Data;

/// <summary>What part of a data set a folder holds.</summary>
internal enum PartRole
{
    /// <summary>Its name does not say.</summary>
    None,

    /// <summary>Images to train on.</summary>
    Train,

    /// <summary>Images to measure on.</summary>
    Test,

    /// <summary>Images to choose by.</summary>
    Validation,
}

/// <summary>Reads the names of folders that are parts of a data set: "train", "seg_test", "my-validation images".</summary>
internal static class PartName
{
    private const string Separators = "-_ .";
    private static readonly string[] s_before = ["", "seg", "images", "image", "imgs", "img", "data", "dataset", "my", "the"];
    private static readonly string[] s_after =
    [
        "set",
        "data",
        "dataset",
        "part",
        "split",
        "images",
        "image",
        "imgs",
        "img",
        "folder",
        "dir",
    ];
    private static readonly (string Word, PartRole Role)[] s_words =
    [
        ("train", PartRole.Train),
        ("training", PartRole.Train),
        ("test", PartRole.Test),
        ("testing", PartRole.Test),
        ("tests", PartRole.Test),
        ("val", PartRole.Validation),
        ("valid", PartRole.Validation),
        ("validation", PartRole.Validation),
        ("validate", PartRole.Validation),
        ("eval", PartRole.Validation),
        ("dev", PartRole.Validation),
    ];

    /// <summary>What a name says: at most one word before and one after that of the part, in any case.</summary>
    public static PartRole RoleOf(string name)
    {
        foreach (var before in s_before)
        {
            if (!name.StartsWith(before, StringComparison.OrdinalIgnoreCase))
                continue;
            var rest = before.Length == 0 ? name : name[before.Length..].TrimStart(Separators.ToCharArray());
            foreach (var (word, role) in s_words)
                if (rest.StartsWith(word, StringComparison.OrdinalIgnoreCase) && IsEnd(rest[word.Length..]))
                    return role;
        }

        return PartRole.None;
    }

    private static bool IsEnd(string rest) =>
        rest.Length == 0 || s_after.Contains(rest.TrimStart(Separators.ToCharArray()), StringComparer.OrdinalIgnoreCase);
}
