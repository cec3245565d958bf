using Lur.Device;
using Lur.Training;

namespace Lur.Verification;

/// <summary>What decides the bytes of a reference model: a model trained anew on a chosen part of the data.</summary>
/// <param name="DataFingerprint">Hash of the training data (<see cref="Data.DataSplit.Fingerprint"/>).</param>
/// <param name="SamplesSha256">Hash of the indices it is trained on (<see cref="Data.DataSplit.HashOf"/>).</param>
/// <param name="Architecture">Architecture, e.g. <c>resnet18:w16:stem3</c>.</param>
/// <param name="Training">Recipe and seed.</param>
/// <param name="Program">Kernels and library: another build may round differently.</param>
public sealed record ReferenceKey(
    string DataFingerprint,
    string SamplesSha256,
    string Architecture,
    ITrainingRecipe Training,
    ProgramHash Program
)
{
    /// <summary>What sentences call such a model.</summary>
    public string What { get; init; } = "reference model";

    /// <summary>What the factors of products are rounded to in its training.</summary>
    public ProductPrecision Products { get; init; }

    /// <summary>Fields that another build changes.</summary>
    internal static readonly string[] ProgramFields = ["kernels", "library"];

    /// <summary>The key with its fields as text.</summary>
    public ContentKey Content =>
        new(
            ("format", "lur reference model 2"),
            ("data", DataFingerprint),
            ("samples", SamplesSha256),
            ("architecture", Architecture),
            // Entries made before there was a choice keep their key.
            ("training", Training + (Products == ProductPrecision.Float32 ? "" : $" in {Products.Name()}")),
            (ProgramFields[0], Program.Kernels),
            (ProgramFields[1], Program.Library)
        );

    /// <summary>Name of the entry, 32 hexadecimal digits.</summary>
    public string Name => Content.Name;
}

/// <summary>Reference models by content: trained once, found again, checked before use. Retrain models of several seeds, and
/// later the many shadow models of per-sample attacks, are entries that differ in the samples or the seed.</summary>
/// <remarks>An entry is a folder with <c>model.safetensors</c>, <c>key.txt</c> and, written last, <c>sha256.txt</c>. One whose
/// hash does not fit its file is thrown away and made again. Folders may be deleted at any time between runs.</remarks>
/// <param name="folder">Folder of the entries.</param>
/// <param name="producer">Program that trains, as entries record it, for example version and commit.</param>
public sealed class ReferenceCache(string folder, string producer)
{
    private const string ModelName = "model.safetensors",
        KeyName = "key.txt",
        ProducerName = "producer.txt",
        HashName = "sha256.txt";

    /// <summary>LUR_REFERENCES, else lur/references below XDG_CACHE_HOME (~/.cache).</summary>
    public static string DefaultFolder =>
        Environment.GetEnvironmentVariable("LUR_REFERENCES") is { Length: > 0 } own ? own : UserCache.Folder("references");

    /// <summary>Gives the path of a reference model, training it where there is none.</summary>
    /// <param name="key">What decides it.</param>
    /// <param name="train">Trains it: leaves <c>model.safetensors</c> in the folder it is given. The folder is kept when this
    /// throws, so that it may go on from a checkpoint.</param>
    /// <param name="report">Receives a sentence about what was found.</param>
    /// <exception cref="UserErrorException">The cache cannot be written.</exception>
    public string GetOrTrain(ReferenceKey key, Action<string> train, Action<string> report)
    {
        var entry = Path.Combine(folder, key.Name);
        var model = Path.Combine(entry, ModelName);
        RequireOwn(model, key.Training.Seed);
        switch (Inspect(entry, key))
        {
            case State.Whole:
                report($"{key.What} of seed {key.Training.Seed} found in {entry}");
                return model;
            case State.Damaged:
                report($"the {key.What} in {entry} is damaged (its hash is not the recorded one); it is trained again");
                Remove(entry);
                break;
            case State.Missing when DifferenceOfAnotherBuild(key) is { } difference:
                report($"the {key.What} of seed {key.Training.Seed} was trained with {difference}; it is trained again");
                break;
        }

        var work = entry + ".partial";
        try
        {
            FileTrust.CreateFolder(folder);
            using var held =
                FileLock.TryTake(entry + ".lock")
                ?? throw new UserErrorException(
                    $"Another run ({FileLock.HolderOf(entry + ".lock") ?? "it ends just now"}) is training the {key.What} of seed "
                        + $"{key.Training.Seed} for '{entry}'; wait for its end and run again: it is found then."
                );
            // It may have been made between looking and taking the lock.
            if (Inspect(entry, key) == State.Whole)
                return model;
            Directory.CreateDirectory(work);
            train(work);
            AtomicFile.WriteText(Path.Combine(work, KeyName), key.Content.Text);
            AtomicFile.WriteText(Path.Combine(work, ProducerName), producer + "\n");
            AtomicFile.WriteText(Path.Combine(work, HashName), HashOf(Path.Combine(work, ModelName)) + "\n");
            Directory.Move(work, entry);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The reference model cannot be kept in '{entry}' ({e.Message.TrimEnd('.')}); free space there, or name another "
                    + $"folder with LUR_REFERENCES."
            );
        }

        return model;
    }

    /// <summary>A reference decides a verdict: somebody else's, or one that others may have changed, is not believed.</summary>
    private void RequireOwn(string model, ulong seed)
    {
        var entry = Path.GetDirectoryName(model)!;
        var why = new[] { folder, entry, model, entry + ".partial" }.Select(FileTrust.WhyNotOfGroup).FirstOrDefault(w => w is not null);
        if (why is not null)
        {
            throw new UserErrorException(
                $"The reference model of seed {seed} in '{folder}' cannot be believed, because {why}; make the folder yours "
                    + $"alone (chmod o-w), "
                    + "delete it, or name another with LUR_REFERENCES."
            );
        }
    }

    private enum State
    {
        Missing,
        Damaged,
        Whole,
    }

    private static State Inspect(string entry, ReferenceKey key)
    {
        if (!Directory.Exists(entry))
            return State.Missing;
        try
        {
            var whole =
                File.ReadAllText(Path.Combine(entry, KeyName)) == key.Content.Text
                && File.ReadAllText(Path.Combine(entry, HashName)).Trim() == HashOf(Path.Combine(entry, ModelName));
            return whole ? State.Whole : State.Damaged;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return State.Damaged;
        }
    }

    /// <summary>What another build of the program differs in that trained this very model before; null where none did.</summary>
    private string? DifferenceOfAnotherBuild(ReferenceKey key)
    {
        if (!Directory.Exists(folder))
            return null;
        foreach (var entry in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            var differences = key.Content.DifferencesTo(TextOf(Path.Combine(entry, KeyName)));
            if (differences.All(d => ReferenceKey.ProgramFields.Contains(d)))
                return ContentKey.InWords(differences);
        }

        return null;
    }

    /// <summary>The program that trained a reference model; empty where the entry does not say.</summary>
    /// <param name="model">Path of the model, as <see cref="GetOrTrain"/> gives it.</param>
    public static string ProducerOf(string model) => TextOf(Path.Combine(Path.GetDirectoryName(model)!, ProducerName)).Trim();

    private static string TextOf(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>SHA-256 of a file, 64 hexadecimal digits.</summary>
    /// <param name="path">The file.</param>
    public static string HashOf(string path)
    {
        using var stream = File.OpenRead(path);
        return ContentHash.Text(stream);
    }

    private static void Remove(string entry)
    {
        try
        {
            Directory.Delete(entry, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The damaged reference model '{entry}' cannot be deleted ({e.Message.TrimEnd('.')}); delete it by hand."
            );
        }
    }
}
