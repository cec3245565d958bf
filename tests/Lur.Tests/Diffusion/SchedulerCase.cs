using System.Text.Json;
using Lur.Tasks.Diffusion;
using Lur.Tests.Golden;
using Lur.Tests.Reference;

namespace Lur.Tests.Diffusion;

/// <summary>A run of schedulers.safetensors: what it was configured with, and its numbers.</summary>
public sealed record SchedulerCase(string Name, int[] Indices, string Json)
{
    private static readonly Lazy<Fixture> s_fixture = new(() => Fixture.Open("schedulers"));

    internal SamplerSettings Settings { get; init; } = null!;

    public static IEnumerable<SchedulerCase> All()
    {
        using var cases = JsonDocument.Parse(s_fixture.Value.Metadata["cases"]);
        return [.. cases.RootElement.EnumerateArray().Select(Of)];
    }

    internal SamplerKind Kind =>
        Settings.Class switch
        {
            "DDPMScheduler" => SamplerKind.Ddpm,
            "DDIMScheduler" => SamplerKind.Ddim,
            _ => SamplerKind.DpmSolver,
        };

    internal SchedulerConfig Config => SchedulerConfig.Read(Json, Name);

    internal SamplerSchedule Schedule => SamplerSchedule.Of(Kind, Config, Settings.Steps, Settings.Eta);

    internal int[] Timesteps => Array.ConvertAll(s_fixture.Value.Longs($"{Name}.timesteps"), t => (int)t);

    internal double[] Numbers(string tensor) => s_fixture.Value.Doubles($"{Name}.{tensor}");

    internal int[] Integers(string tensor) => Array.ConvertAll(s_fixture.Value.Longs($"{Name}.{tensor}"), t => (int)t);

    internal bool Has(string tensor) => s_fixture.Value.Names.Contains($"{Name}.{tensor}");

    public override string ToString() => Name;

    private static SchedulerCase Of(JsonElement c)
    {
        var (kind, config) = (c.GetProperty("cls").GetString()!, c.GetProperty("config"));
        string Word(string key, string missing) => config.TryGetProperty(key, out var v) ? v.GetString()! : missing;
        double Number(string key, double missing) => config.TryGetProperty(key, out var v) ? v.GetDouble() : missing;
        bool Flag(string key) => !config.TryGetProperty(key, out var v) || v.GetBoolean();
        var d = new SamplerSettings(kind, c.GetProperty("steps").GetInt32(), c.GetProperty("eta").GetDouble());
        return new(
            c.GetProperty("name").GetString()!,
            [.. c.GetProperty("step_indices").EnumerateArray().Select(i => i.GetInt32())],
            $"{{\"_class_name\": \"{kind}\", {config.GetRawText().TrimStart('{')}"
        )
        {
            Settings = d with
            {
                Betas = Word("beta_schedule", d.Betas),
                Start = Number("beta_start", d.Start),
                End = Number("beta_end", d.End),
                Prediction = Word("prediction_type", d.Prediction),
                Variance = Word("variance_type", d.Variance),
                Clip = Flag("clip_sample"),
                Range = Number("clip_sample_range", d.Range),
                AlphaToOne = Flag("set_alpha_to_one"),
                Solver = Word("solver_type", d.Solver),
            },
        };
    }
}
