using System.Text.Json;
using Lur.Data;

namespace Lur.Runs;

/// <summary>What decides the data of a run beside pictures: what the original model draws itself, and how pictures become
/// latents.</summary>
public sealed record LatentSettings
{
    /// <summary>Data that the original model draws, and nothing else.</summary>
    public const string Drawn = "drawn";

    /// <summary>Prompts that the original model draws data for; those of <see cref="Drawn"/> have the concept and the anchor.</summary>
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>Samples it draws of each prompt to train on, and a quarter of them to test.</summary>
    public int Images { get; init; } = 8;

    /// <summary>Steps of the sampler, DPM-Solver++.</summary>
    public int Steps { get; init; } = 30;

    /// <summary>Weight of the prompt.</summary>
    public double Guidance { get; init; } = 7.5;

    /// <summary>True for the mean of what the autoencoder gives for a picture; false for a draw, one of each picture.</summary>
    public bool Mean { get; init; }

    /// <summary>Cache of latents and of rows of prompts; null for the user's, empty for none.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Where data lie; empty for those that are drawn, whatever else has that name.</summary>
    internal static string PlaceOf(string data) => data == Drawn ? "" : data;

    /// <summary>The cache.</summary>
    /// <param name="note">Hears sentences about what was found; null for nobody.</param>
    internal NumbersCache Cache(Action<string>? note) => new(CacheFolder ?? NumbersCache.DefaultFolder, note);

    internal int TestImages => Math.Max(1, Images / 4);

    /// <summary>The settings with every prompt that data are drawn for.</summary>
    /// <param name="data">Location of the data.</param>
    /// <param name="forget">What is to be forgotten.</param>
    /// <param name="anchor">The anchor; empty for none.</param>
    internal LatentSettings For(string data, IReadOnlyList<string> forget, string anchor) =>
        data != Drawn
            ? this
            : this with
            {
                Prompts =
                [
                    .. forget
                        .SelectMany(ForgetSpecification.CaptionWordsOf)
                        .Concat(anchor.Length > 0 ? [anchor] : [])
                        .Concat(Prompts)
                        .Distinct(StringComparer.Ordinal),
                ],
            };

    /// <summary>Writes them into a configuration.</summary>
    /// <param name="w">Writer.</param>
    /// <param name="entries">Files of the cache that hold the samples.</param>
    internal void Write(Utf8JsonWriter w, IReadOnlyList<string> entries)
    {
        w.WriteStartObject("latents");
        OutputFolder.WriteTexts(w, "prompts", Prompts);
        w.WriteNumber("images", Images);
        w.WriteNumber("steps", Steps);
        w.WriteNumber("guidance", Guidance);
        w.WriteBoolean("mean", Mean);
        OutputFolder.WriteTexts(w, "cached", entries);
        w.WriteEndObject();
    }

    /// <summary>Prompts as one line that no other prompts give.</summary>
    internal static string TextOf(IReadOnlyList<string> prompts) =>
        JsonText.OnOneLine(w =>
        {
            w.WriteStartArray();
            foreach (var prompt in prompts)
                w.WriteStringValue(prompt);
            w.WriteEndArray();
        });

    /// <summary>Files of the cache that hold the samples of a run.</summary>
    internal static IReadOnlyList<string> CachedBy(JsonElement config) =>
        config.Find("latents") is { ValueKind: JsonValueKind.Object } l && l.Find("cached") is { ValueKind: JsonValueKind.Array } cached
            ? [.. cached.EnumerateArray().Select(e => e.GetString() ?? "")]
            : [];

    /// <summary>Reads them again; the defaults where there are none.</summary>
    internal static LatentSettings Read(JsonElement config)
    {
        if (config.Find("latents") is not { ValueKind: JsonValueKind.Object } l)
            return new LatentSettings();
        return new LatentSettings
        {
            Prompts = [.. l.GetProperty("prompts").EnumerateArray().Select(e => e.GetString() ?? "")],
            Images = l.GetProperty("images").GetInt32(),
            Steps = l.GetProperty("steps").GetInt32(),
            Guidance = l.GetProperty("guidance").GetDouble(),
            Mean = l.GetProperty("mean").GetBoolean(),
        };
    }
}
