using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lur.Bench.Pages;

/// <summary>Puts together what run.sh of the GPU bundle left in a folder, whole or cut off: its stages, their numbers, and what cannot be
/// read.</summary>
internal static class GpuResults
{
    /// <summary>Where the repository keeps them.</summary>
    public const string Path = "bench/results/Gpu.json";

    private static readonly string[] s_data = ["doctor", "demo", "sanitizer", "steps", "peers", "kernels"];

    /// <summary>One JSON text.</summary>
    /// <param name="folder">As run.sh's <c>--out</c>.</param>
    /// <exception cref="UserErrorException">It holds no stage of a run.</exception>
    public static string Merge(string folder)
    {
        var unreadable = new List<string>();
        JsonElement? Read(string name)
        {
            var path = System.IO.Path.Combine(folder, name);
            try
            {
                using var document = JsonDocument.Parse(File.ReadAllText(path));
                return document.RootElement.Clone();
            }
            catch (Exception e) when (e is IOException or JsonException)
            {
                if (File.Exists(path))
                    unreadable.Add(name);
                return null;
            }
        }

        var stages = Files(folder, "stages", "*.json").Select(Read).OfType<JsonElement>().OrderBy(Number).ToArray();
        if (stages.Length == 0)
            throw new UserErrorException($"'{folder}' holds no stage of a GPU run; give the folder that run.sh calls its results.");
        var shards = Files(folder, "data", "tests-*.json").Select(Read).OfType<JsonElement>().ToArray();
        var data = s_data.Select(name => (Name: name, Json: Read($"data/{name}.json"))).Where(d => d.Json is not null).ToArray();
        using var stream = new MemoryStream();
        using (
            var w = new Utf8JsonWriter(
                stream,
                new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }
            )
        )
        {
            w.WriteStartObject();
            w.WriteString("schema", "lur-gpu-results-1");
            foreach (var name in new[] { "gpu", "driver", "commit" })
                w.WriteString(name, stages[0].GetProperty(name).GetString());
            List(w, "stages", stages);
            Tests(w, shards);
            foreach (var (name, json) in data)
            {
                w.WritePropertyName(name);
                json!.Value.WriteTo(w);
            }

            Training(w, System.IO.Path.Combine(folder, "train", "log.csv"));
            w.WriteStartArray("unreadable");
            foreach (var name in unreadable)
                w.WriteStringValue(name);
            w.WriteEndArray();
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static int Number(JsonElement stage) => stage.GetProperty("number").GetInt32();

    private static string[] Files(string folder, string under, string pattern)
    {
        var place = System.IO.Path.Combine(folder, under);
        return Directory.Exists(place)
            ? Directory
                .GetFiles(place, pattern)
                .Select(f => System.IO.Path.GetRelativePath(folder, f))
                .Order(StringComparer.Ordinal)
                .ToArray()
            : [];
    }

    /// <summary>Counts of all shards, those that failed, and what a shard was at when it was cut off.</summary>
    private static void Tests(Utf8JsonWriter w, JsonElement[] shards)
    {
        if (shards.Length == 0)
            return;
        w.WriteStartObject("tests");
        foreach (var outcome in new[] { "passed", "failed", "skipped" })
            w.WriteNumber(outcome, shards.Sum(s => s.GetProperty(outcome).GetInt32()));
        w.WriteNumber("shards", shards.Length);
        w.WriteNumber("shardsCut", shards.Count(s => !s.TryGetProperty("seconds", out _)));
        List(
            w,
            "failures",
            shards.SelectMany(s => s.GetProperty("tests").EnumerateArray()).Where(t => t.GetProperty("outcome").GetString() == "failed")
        );
        w.WriteStartArray("running");
        foreach (var shard in shards)
        {
            if (shard.TryGetProperty("running", out var name))
                name.WriteTo(w);
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void List(Utf8JsonWriter w, string name, IEnumerable<JsonElement> elements)
    {
        w.WriteStartArray(name);
        foreach (var element in elements)
            element.WriteTo(w);
        w.WriteEndArray();
    }

    /// <summary>The log of the training, a row an epoch, as it is: the header and the rows.</summary>
    private static void Training(Utf8JsonWriter w, string path)
    {
        if (!File.Exists(path))
            return;
        w.WriteStartArray("training");
        foreach (var line in File.ReadLines(path).Where(l => l.Length > 0))
            w.WriteStringValue(line);
        w.WriteEndArray();
    }
}
