namespace Lur;

/// <summary>Why a path that somebody gave, or that a folder lists, cannot be found.</summary>
internal static class MissingFile
{
    private const char Replacement = '\uFFFD';

    /// <summary>True for a name with bytes that are no UTF-8: .NET reads each as U+FFFD and then finds no such file. A file that has
    /// this character by right is found.</summary>
    public static bool HasOddName(string path) => path.Contains(Replacement, StringComparison.Ordinal) && !Path.Exists(path);

    /// <summary>The sentence for a path at which nothing is found.</summary>
    /// <param name="path">The path.</param>
    /// <param name="what">What it is: "image", "class folder".</param>
    public static string Sentence(string path, string what) =>
        HasOddName(path)
            ? $"The {what} '{path}' has a name that is not UTF-8, so that it cannot be opened; rename it ({Replacement} stands for what "
                + "cannot be read)."
            : $"The {what} '{path}' does not exist; check the path.";
}
