using System.Text.Json;
using Lur.Data;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>The folder a run leaves its files in, which it has to itself until it is disposed.</summary>
/// <remarks>What an earlier run left there stays whole until this one has its results (<see cref="ReplaceResults"/>): a run that is
/// killed, cancelled or diverges takes nothing with it, and nobody reads the settings of one run beside the results of
/// another. Files are JSON and text, written whole or not at all.</remarks>
internal sealed class OutputFolder : IDisposable
{
    /// <summary>File of the model.</summary>
    public const string ModelName = "model.safetensors";
    private const string ResultName = "result.json",
        LockName = ".lur-lock";

    // result.json says that a run has ended and is written last; the others are made from it.
    private static readonly string[] s_results = [ResultName, "verify.json", "report.html"];
    private readonly string _folder;
    private readonly FileLock _lock;

    private OutputFolder(string folder, FileLock held)
    {
        (_folder, _lock) = (folder, held);
        IsFree = !File.Exists(At(ResultName)) && !File.Exists(At(ModelName));
    }

    /// <summary>Version of the program, as files record it.</summary>
    public static string Version { get; } = typeof(OutputFolder).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>True where no earlier run has left results: files that describe this one may be written while it goes on.</summary>
    public bool IsFree { get; }

    /// <summary>Creates the folder, takes hold of it, and removes what a killed run left half-written.</summary>
    /// <exception cref="UserErrorException">It cannot be created, or another run is writing into it.</exception>
    public static OutputFolder Open(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var held =
                FileLock.TryTake(Path.Combine(folder, LockName))
                ?? throw new UserErrorException(
                    $"Another run is writing into the output folder '{folder}'; choose another with -o, or wait for its end."
                );
            AtomicFile.RemoveLeftovers(folder);
            return new OutputFolder(folder, held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The output folder '{folder}' cannot be created ({e.Message.TrimEnd('.')}); choose another with -o."
            );
        }
    }

    /// <summary>Path of a file of the folder.</summary>
    public string At(string name) => Path.Combine(_folder, name);

    /// <summary>Removes the results of an earlier run, right before those of this one are written: from here to result.json, which
    /// comes last, the folder holds no run that has ended.</summary>
    public void ReplaceResults()
    {
        foreach (var name in s_results)
            File.Delete(At(name));
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

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
        WriteSamples(w, data, p);
        WriteOutcome(w, p);
    }

    /// <summary>Writes which samples were evaluated: their numbers in the data set as it lies on disk.</summary>
    public static void WriteSamples(Utf8JsonWriter w, IImageDataset data, Predictions p)
    {
        WriteArray(w, "index", [.. p.Indices.Select(i => data.Identify(i).Number)]);
        WriteArray(w, "label", p.Labels);
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
