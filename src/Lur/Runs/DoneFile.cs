using Lur.Verification;

namespace Lur.Runs;

/// <summary>What a file of <see cref="DoneFile"/> stands for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Results">What it speaks of, in a sentence.</param>
/// <param name="Made">What is done with a run to have them.</param>
/// <param name="Files">Files whose hashes it has.</param>
internal sealed record DoneKind(string Name, string Results, string Made, params string[] Files)
{
    /// <summary>A run.</summary>
    public static DoneKind Run { get; } = new("done.txt", "results", "made", OutputFolder.ModelName, OutputFolder.ResultName);

    /// <summary>The verification of a model that draws.</summary>
    public static DoneKind Verification { get; } =
        new("verified.txt", "results of the verification", "verified", VerifyFiles.FileName, GenerationVerifyFiles.ImagesName);
}

/// <summary>What a finished run leaves last: done.txt, with its key, the program that made it, and the hashes of its files. A run
/// is taken for done only where the key is the same to the letter and the files are as they were.</summary>
/// <remarks>started.txt has the key alone, from the beginning: a checkpoint beside it continues that run and no other.</remarks>
internal static class DoneFile
{
    private const string StartedName = "started.txt",
        ProducerField = "producer: ";

    /// <summary>Why the run of a key has to be made.</summary>
    /// <param name="folder">Folder of the run.</param>
    /// <param name="key">What decides it.</param>
    /// <param name="kind">What is asked for; null for the run.</param>
    /// <returns>Null where it ended here and its files are as it left them; a sentence where another run, or what is left of this
    /// one, is in its place; empty where nothing is.</returns>
    public static string? WhyMissing(string folder, ContentKey key, DoneKind? kind = null)
    {
        kind ??= DoneKind.Run;
        var path = Path.Combine(folder, kind.Name);
        if (!File.Exists(path))
            return "";
        var text = File.ReadAllText(path);
        if (!text.Contains(ProducerField, StringComparison.Ordinal))
            return $"the {kind.Results} in {folder} are of a version that did not record what made them; the run is {kind.Made} again";
        var differences = key.DifferencesTo(text);
        if (differences.Count > 0)
            return $"the {kind.Results} in {folder} were made with {ContentKey.InWords(differences)}; the run is {kind.Made} again";
        return kind.Files.All(f => text.Contains(LineOf(folder, f), StringComparison.Ordinal))
            ? null
            : $"the {kind.Results} in {folder} are damaged (they are not what was recorded when the run ended); it is {kind.Made} again";
    }

    /// <summary>Says that a run begins: what was done before is not done any more.</summary>
    /// <returns>True if what lies in the folder is of the same key, so that a checkpoint there may be continued.</returns>
    public static bool Start(string folder, ContentKey key)
    {
        Directory.CreateDirectory(folder);
        File.Delete(Path.Combine(folder, DoneKind.Run.Name));
        var path = Path.Combine(folder, StartedName);
        if (File.Exists(path) && File.ReadAllText(path) == key.Text)
            return true;
        AtomicFile.WriteText(path, key.Text);
        return false;
    }

    /// <summary>Written last, so that a run that was killed has none.</summary>
    /// <param name="folder">Folder of the run.</param>
    /// <param name="key">What decided it.</param>
    /// <param name="producer">Program that made its numbers.</param>
    /// <param name="kind">What ended; null for the run.</param>
    public static void Mark(string folder, ContentKey key, string producer, DoneKind? kind = null)
    {
        kind ??= DoneKind.Run;
        AtomicFile.WriteText(
            Path.Combine(folder, kind.Name),
            key.Text + ProducerField + producer + "\n" + string.Concat(kind.Files.Select(f => LineOf(folder, f)))
        );
        File.Delete(Path.Combine(folder, StartedName));
    }

    /// <summary>The program that made the numbers of a finished run.</summary>
    public static string ProducerOf(string folder) =>
        File.ReadLines(Path.Combine(folder, DoneKind.Run.Name)).First(l => l.StartsWith(ProducerField, StringComparison.Ordinal))[
            ProducerField.Length..
        ];

    private static string LineOf(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        return $"{file} {(File.Exists(path) ? ReferenceCache.HashOf(path) : "is missing")}\n";
    }
}
