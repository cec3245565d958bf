using System.Text.Json;
using Lur.Data;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>How a run uses its folder.</summary>
/// <param name="StateName">File of its checkpoint.</param>
/// <param name="Overwrite">True if an earlier run there may be replaced.</param>
/// <param name="Resume">True if it goes on from the checkpoint.</param>
/// <param name="Reads">Files and folders it reads: what each is, and its path.</param>
internal sealed record FolderUse(string StateName, bool Overwrite, bool Resume, IReadOnlyList<(string What, string Path)> Reads);

/// <summary>The folder a run leaves its files in, which it has to itself until it is disposed.</summary>
/// <remarks>The files of a run are made in a folder of their own (<see cref="Staged"/>) and put in place together
/// (<see cref="Publish"/>), which needs no space on the disk: what an earlier run left stays whole until this one has its results, and
/// nobody reads the settings of one run beside the results of another. Files are JSON and text, written whole or not at all.
/// Over budget: what a folder may be used for, and how its files come into it, are one promise.</remarks>
internal sealed class OutputFolder : IDisposable
{
    /// <summary>File of the model.</summary>
    public const string ModelName = "model.safetensors";

    /// <summary>File that says that a run has ended.</summary>
    public const string ResultName = "result.json";

    /// <summary>Page of the run.</summary>
    public const string PageName = "report.html";

    /// <summary>List of what a model forgot, or was trained without.</summary>
    public const string ForgetName = "forget.txt";

    /// <summary>Split a model was trained with.</summary>
    public const string SplitName = "split.json";

    /// <summary>Folder in it where the files of a run are made.</summary>
    internal const string StageName = ".lur-new";

    private const string LockName = ".lur-lock";

    // What describes a run or was made from its results; another run's are removed. The result goes first: without it no run has ended.
    private static readonly string[] s_ofARun =
    [
        ResultName,
        VerifyFiles.FileName,
        GenerationVerifyFiles.ImagesName,
        PageName,
        ForgetName,
        SplitName,
        "config.json",
        "log.csv",
        AuditLog.FileName,
    ];
    private readonly string _folder;
    private readonly FileLock _lock;
    private bool _keepsStage;

    private OutputFolder(string folder, FileLock held)
    {
        (_folder, _lock) = (folder, held);
        IsFree = !File.Exists(At(ResultName)) && !File.Exists(At(ModelName));
    }

    /// <summary>Version of the program, as files record it.</summary>
    public static string Version { get; } = typeof(OutputFolder).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>True where no earlier run has left results: files that describe this one may be written while it goes on.</summary>
    public bool IsFree { get; }

    /// <summary>Refuses a folder that a run must not write into; nothing is written.</summary>
    /// <param name="folder">The folder; need not exist.</param>
    /// <param name="use">How it would be used.</param>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">Another run is working there, a file that is read would be replaced, a run has ended or was
    /// interrupted there, or there is nothing to resume.</exception>
    public static void Check(string folder, FolderUse use, Func<string, string> spell)
    {
        // What lies there is half of what will: no reason to resume, or to begin anew.
        if (WorkerIn(folder) is { } worker)
            throw Busy(folder, worker, spell);
        RequireUsable(folder, use, spell);
    }

    /// <summary>Who is working in a folder now, as the end of a sentence; null for nobody.</summary>
    public static string? WorkerIn(string folder) => FileLock.HolderOf(Path.Combine(folder, LockName));

    private static UserErrorException Busy(string folder, string worker, Func<string, string> spell) =>
        new(
            $"Another run is working in the folder '{folder}' ({worker}); wait for its end, or choose another folder with "
                + $"{spell("output")}."
        );

    private static void RequireUsable(string folder, FolderUse use, Func<string, string> spell)
    {
        RequireUntouched(folder, [.. s_ofARun, ModelName, use.StateName], use.Reads, spell);
        bool Has(string name) => File.Exists(Path.Combine(folder, name));
        var (ended, interrupted) = (Has(ResultName), Has(use.StateName));
        if (use.Resume && !interrupted)
        {
            throw new UserErrorException(
                ended
                    ? $"'{folder}' has nothing to resume: the run there has ended; leave out {spell("resume")}."
                    : $"'{folder}' has nothing to resume: there is no checkpoint ({use.StateName}); leave out {spell("resume")}."
            );
        }

        if (use.Overwrite)
            return;
        if (ended || (Has(ModelName) && !interrupted))
        {
            throw new UserErrorException(
                $"'{folder}' holds {(ended ? "a run that has ended" : $"a {ModelName}")}; choose another {spell("output")} folder, or "
                    + $"give {spell("overwrite")} to replace it."
            );
        }

        if (interrupted && !use.Resume)
        {
            throw new UserErrorException(
                $"'{folder}' holds the checkpoint of a run that was interrupted; give {spell("resume")} to go on with it, "
                    + $"{spell("overwrite")} to begin anew, or choose another {spell("output")} folder."
            );
        }
    }

    /// <summary>Refuses to replace a file that is read, by whatever name or link.</summary>
    /// <param name="folder">Folder that is written into.</param>
    /// <param name="names">Files that are written there.</param>
    /// <param name="reads">Files and folders that are read.</param>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">One would be replaced.</exception>
    public static void RequireUntouched(
        string folder,
        IReadOnlyList<string> names,
        IReadOnlyList<(string What, string Path)> reads,
        Func<string, string> spell
    )
    {
        var written = names.Select(n => RealPath.Of(Path.Combine(folder, n))).ToHashSet(StringComparer.Ordinal);
        foreach (var (what, path) in reads)
        {
            if (File.Exists(path) && written.Contains(RealPath.Of(path)))
            {
                throw new UserErrorException(
                    $"'{path}' is {what}, which this run reads, and would be replaced; choose another {spell("output")} folder."
                );
            }
        }
    }

    /// <summary>Creates the folder, takes hold of it, and removes what a killed run left half-written.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="use">How it is used; null for a folder that holds the folders of other runs.</param>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">It cannot be created, another run is writing into it, or it must not be used, see
    /// <see cref="Check"/>.</exception>
    public static OutputFolder Open(string folder, FolderUse? use, Func<string, string> spell)
    {
        OutputFolder? output = null;
        try
        {
            Directory.CreateDirectory(folder);
            output = new OutputFolder(folder, Take(folder, spell));
            // Again, now that nobody else can change it.
            if (use is not null)
                RequireUsable(folder, use, spell);
            AtomicFile.RemoveLeftovers(folder);
            output.RemoveStage();
            if (use is { Resume: false } && output.IsFree)
                output.RemoveSheets();
            if (use is { Overwrite: true, Resume: false })
                File.Delete(output.At(use.StateName));
            return output;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            output?.Dispose();
            throw new UserErrorException(
                $"The output folder '{folder}' cannot be created ({e.Message.TrimEnd('.')}); choose another with {spell("output")}.",
                e
            );
        }
        catch
        {
            output?.Dispose();
            throw;
        }
    }

    /// <summary>Takes hold of the folder of a run that has ended, to add to it.</summary>
    /// <exception cref="UserErrorException">Another run is writing into it, or it cannot be written.</exception>
    public static FileLock Hold(string folder, Func<string, string> spell)
    {
        try
        {
            return Take(folder, spell);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The folder '{folder}' cannot be written ({e.Message.TrimEnd('.')}); check its permissions.");
        }
    }

    /// <summary>Path of a file of the folder.</summary>
    public string At(string name) => Path.Combine(_folder, name);

    /// <summary>Path to write a file to that <see cref="Publish"/> puts in place.</summary>
    public string Staged(string name)
    {
        Directory.CreateDirectory(At(StageName));
        return Path.Combine(At(StageName), name);
    }

    /// <summary>Path of a folder to write files to that <see cref="Publish"/> puts in place.</summary>
    public string StagedFolder(string name)
    {
        var path = Staged(name);
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>Path of a sheet that is drawn while a run goes on: seen at once where nothing of another run lies there.</summary>
    /// <param name="name">Which: a number.</param>
    public string Sheet(string name) => IsFree ? At($"sheet-{name}.png") : Staged($"sheet-{name}.png");

    /// <summary>Puts the staged files in place of an earlier run's; result.json comes last, so that from the first to the last moment
    /// the folder holds no run that has ended.</summary>
    /// <exception cref="UserErrorException">The folder cannot be written.</exception>
    public void Publish()
    {
        try
        {
            var staged = Directory.GetFiles(At(StageName)).Select(f => Path.GetFileName(f)).ToArray();
            foreach (var name in s_ofARun)
                File.Delete(At(name));
            // In a free folder they are this run's.
            if (!IsFree)
                RemoveSheets();
            PublishFolders();
            foreach (var name in staged.OrderBy(n => n == ResultName))
                File.Move(Staged(name), At(name), overwrite: true);
            RemoveStage();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _keepsStage = true;
            throw new UserErrorException(
                $"The results cannot be put into '{_folder}' ({e.Message.TrimEnd('.')}); they lie in '{At(StageName)}'."
            );
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // What a run that failed had ready is half of something, unless it was told where that lies.
        try
        {
            if (!_keepsStage)
                RemoveStage();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run removes it.
        }

        _lock.Dispose();
    }

    private static FileLock Take(string folder, Func<string, string> spell)
    {
        var path = Path.Combine(folder, LockName);
        return FileLock.TryTake(path) ?? throw Busy(folder, FileLock.HolderOf(path) ?? "it ends just now", spell);
    }

    // That of an earlier run goes even where this one has none.
    private void PublishFolders()
    {
        if (!IsFree && Directory.Exists(At(PromptFolder.Name)))
            Directory.Delete(At(PromptFolder.Name), recursive: true);
        foreach (var folder in Directory.GetDirectories(At(StageName)))
            Directory.Move(folder, At(Path.GetFileName(folder)));
    }

    private void RemoveSheets()
    {
        foreach (var path in Directory.GetFiles(_folder))
            if (Path.GetFileName(path) is var name && name.StartsWith("sheet-", StringComparison.Ordinal) && name.EndsWith(".png"))
                if (name["sheet-".Length..^".png".Length].All(char.IsAsciiDigit))
                    File.Delete(path);
    }

    private void RemoveStage()
    {
        if (Directory.Exists(At(StageName)))
            Directory.Delete(At(StageName), recursive: true);
    }

    /// <summary>Writes a JSON object.</summary>
    public static void WriteJson(string path, Action<Utf8JsonWriter> body) =>
        AtomicFile.WriteText(
            path,
            JsonText.Of(w =>
            {
                w.WriteStartObject();
                body(w);
                w.WriteEndObject();
            }) + "\n"
        );

    /// <summary>Writes a number, null where it is not finite.</summary>
    public static void WriteValue(Utf8JsonWriter w, string name, double value)
    {
        if (double.IsFinite(value))
            w.WriteNumber(name, value);
        else
            w.WriteNull(name);
    }

    /// <summary>Writes an accuracy per class.</summary>
    public static void WritePerClass(Utf8JsonWriter w, string name, IReadOnlyList<string> classes, double[] accuracy)
    {
        w.WriteStartObject(name);
        for (var c = 0; c < accuracy.Length; c++)
            WriteValue(w, classes[c], accuracy[c]);
        w.WriteEndObject();
    }

    /// <summary>Writes per-sample values as parallel arrays, one line each.</summary>
    public static void WritePredictions(Utf8JsonWriter w, IImageDataset data, Predictions p)
    {
        WriteSamples(w, data, p.Indices, p.Labels);
        WriteOutcome(w, p);
    }

    /// <summary>Writes which samples were evaluated: their numbers in the data set as it lies on disk.</summary>
    public static void WriteSamples(Utf8JsonWriter w, IImageDataset data, int[] indices, int[] labels)
    {
        WriteArray(w, "index", [.. indices.Select(i => data.Identify(i).Number)]);
        WriteArray(w, "label", labels);
    }

    /// <summary>Writes numbers on one line, null where one is not finite.</summary>
    public static void WriteNumbers(Utf8JsonWriter w, string name, double[] values)
    {
        w.WritePropertyName(name);
        w.WriteRawValue("[" + string.Join(',', values.Select(Text)) + "]");
    }

    /// <summary>Writes the model's part of per-sample values.</summary>
    public static void WriteOutcome(Utf8JsonWriter w, Predictions p)
    {
        WriteArray(w, "predicted", p.Predicted);
        w.WritePropertyName("confidence");
        // As doubles: who reads them as such has the very numbers of the attack, and so the same labels next to its boundary.
        w.WriteRawValue("[" + string.Join(',', p.Confidence.Select(c => Text((double)c))) + "]");
        w.WritePropertyName("loss");
        w.WriteRawValue("[" + string.Join(',', p.Loss.Select(Text)) + "]");
    }

    /// <summary>Writes an array of texts.</summary>
    public static void WriteTexts(Utf8JsonWriter w, string name, IEnumerable<string> texts)
    {
        w.WriteStartArray(name);
        foreach (var text in texts)
            w.WriteStringValue(text);
        w.WriteEndArray();
    }

    private static void WriteArray(Utf8JsonWriter w, string name, int[] values)
    {
        w.WritePropertyName(name);
        w.WriteRawValue("[" + string.Join(',', values) + "]");
    }

    private static string Text(double value) =>
        double.IsFinite(value) ? value.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : "null";

    private static string Text(float value) =>
        float.IsFinite(value) ? value.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : "null";
}
