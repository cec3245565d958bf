using System.Text;
using System.Text.Json;

namespace Lur.Tasks.Diffusion;

/// <summary>The keys of scheduler_config.json: which a class has, what they may be, and how they are written.</summary>
internal static class SchedulerKeys
{
    private static readonly (SchedulerClass Class, string Name)[] s_classes =
    [
        (SchedulerClass.Ddpm, "DDPMScheduler"),
        (SchedulerClass.Ddim, "DDIMScheduler"),
        (SchedulerClass.DpmSolver, "DPMSolverMultistepScheduler"),
        (SchedulerClass.Pndm, "PNDMScheduler"),
    ];

    private static readonly (BetaSchedule, string)[] s_betas =
    [
        (BetaSchedule.Linear, "linear"),
        (BetaSchedule.ScaledLinear, "scaled_linear"),
        (BetaSchedule.SquaredCosine, "squaredcos_cap_v2"),
    ];

    private static readonly (PredictionType, string)[] s_predictions =
    [
        (PredictionType.Epsilon, "epsilon"),
        (PredictionType.Sample, "sample"),
        (PredictionType.VPrediction, "v_prediction"),
    ];

    // The first name of a meaning is the one that is written.
    private static readonly (VarianceType, string)[] s_variances =
    [
        (VarianceType.FixedSmall, "fixed_small"),
        (VarianceType.FixedSmall, "fixed_small_log"),
        (VarianceType.FixedLarge, "fixed_large"),
    ];

    private static readonly (TimestepSpacing, string)[] s_spacings =
    [
        (TimestepSpacing.Leading, "leading"),
        (TimestepSpacing.Linspace, "linspace"),
        (TimestepSpacing.Trailing, "trailing"),
    ];

    private static readonly (SolverType, string)[] s_solvers = [(SolverType.Midpoint, "midpoint"), (SolverType.Heun, "heun")];

    private static readonly (FinalSigma, string)[] s_finals = [(FinalSigma.Zero, "zero"), (FinalSigma.OfFirstStep, "sigma_min")];

    // Keys that change what is computed, with the one value that is done here.
    private static readonly (string Key, string Value)[] s_fixed =
    [
        ("rescale_betas_zero_snr", "false"),
        ("thresholding", "false"),
        ("use_karras_sigmas", "false"),
        ("use_exponential_sigmas", "false"),
        ("use_beta_sigmas", "false"),
        ("use_lu_lambdas", "false"),
        ("use_flow_sigmas", "false"),
        ("euler_at_final", "false"),
        ("lambda_min_clipped", "-Infinity"),
        ("solver_order", "2"),
        ("algorithm_type", "\"dpmsolver++\""),
    ];

    // How each key is written. A class has the keys of the others too: what it does not know it ignores.
    private static readonly (string Key, Func<SchedulerConfig, string> Json)[] s_written =
    [
        ("num_train_timesteps", c => SchedulerConfig.Text(c.TrainTimesteps)),
        ("beta_start", c => SchedulerConfig.Text(c.BetaStart)),
        ("beta_end", c => SchedulerConfig.Text(c.BetaEnd)),
        ("beta_schedule", c => Quoted(s_betas, c.Betas)),
        ("trained_betas", c => c.TrainedBetas is { } betas ? $"[{string.Join(", ", betas.Select(SchedulerConfig.Text))}]" : "null"),
        ("prediction_type", c => Quoted(s_predictions, c.Prediction)),
        ("clip_sample", c => Flag(c.ClipSample)),
        ("clip_sample_range", c => SchedulerConfig.Text(c.ClipSampleRange)),
        ("variance_type", c => c.Class == SchedulerClass.DpmSolver ? "null" : Quoted(s_variances, c.Variance)),
        ("timestep_spacing", c => Quoted(s_spacings, c.Spacing)),
        ("steps_offset", c => SchedulerConfig.Text(c.StepsOffset)),
        ("set_alpha_to_one", c => Flag(c.SetAlphaToOne)),
        ("solver_type", c => Quoted(s_solvers, c.Solver)),
        ("lower_order_final", c => Flag(c.LowerOrderFinal)),
        ("final_sigmas_type", c => Quoted(s_finals, c.Final)),
        ("_class_name", c => Quoted(s_classes, c.Class)),
    ];

    /// <summary>Reads a text.</summary>
    public static SchedulerConfig Read(string json, string path, SchedulerClass? kind)
    {
        var file = SchedulerFile.Parse(json, path);
        var own = ClassOf(file);
        if ((kind ?? own) is not { } read)
            throw new UserErrorException($"'{path}' has no '_class_name'; add it: {string.Join(", ", s_classes.Select(c => c.Name))}.");
        var d = SchedulerConfig.Default(read);
        // A file of PNDM says nothing of clipping, whatever it is sampled with.
        var clips = d.ClipSample && own != SchedulerClass.Pndm;
        Refuse(file, read);
        var config = d with
        {
            TrainTimesteps = file.Integer("num_train_timesteps", d.TrainTimesteps, 1),
            BetaStart = file.Number("beta_start", d.BetaStart, 1),
            BetaEnd = file.Number("beta_end", d.BetaEnd, 1),
            Betas = file.Choice("beta_schedule", s_betas, d.Betas),
            TrainedBetas = file.Betas("trained_betas"),
            Prediction = file.Choice("prediction_type", s_predictions, d.Prediction),
            ClipSample = file.Flag("clip_sample", clips),
            ClipSampleRange = file.Number("clip_sample_range", d.ClipSampleRange, double.PositiveInfinity),
            Variance = read == SchedulerClass.Ddpm ? file.Choice("variance_type", s_variances, d.Variance) : d.Variance,
            Spacing = file.Choice("timestep_spacing", s_spacings, d.Spacing),
            StepsOffset = file.Integer("steps_offset", d.StepsOffset, 0),
            SetAlphaToOne = file.Flag("set_alpha_to_one", d.SetAlphaToOne),
            Solver = read == SchedulerClass.DpmSolver ? file.Choice("solver_type", s_solvers, d.Solver) : d.Solver,
            LowerOrderFinal = file.Flag("lower_order_final", d.LowerOrderFinal),
            Final = file.Choice("final_sigmas_type", s_finals, d.Final),
            Note =
                own == SchedulerClass.Pndm
                    ? $"'{path}' is of PNDMScheduler, which is not built in: its betas are used, with ddim or dpm++."
                    : null,
        };
        if (config.TrainedBetas is { } betas && betas.Count != config.TrainTimesteps)
            throw new UserErrorException(
                $"'{path}': 'trained_betas' has {betas.Count} numbers and 'num_train_timesteps' is {config.TrainTimesteps}; they have "
                    + "to agree."
            );
        file.Read = config;
        return config with { Source = file };
    }

    /// <summary>The text of a configuration.</summary>
    public static string Write(SchedulerConfig config)
    {
        if (config.Source is not { } file)
            return Join(s_written.Select(k => ($"\"{k.Key}\"", k.Json(config))));
        var changed = s_written.Where(k => k.Json(config) != k.Json(file.Read!)).ToDictionary(k => k.Key, k => k.Json(config));
        if (changed.Count == 0)
            return file.Text;
        var kept = file.Entries.Select(e => (e.SpeltKey, changed.Remove(e.Key, out var value) ? value : e.Spelt)).ToList();
        return Join(kept.Concat(s_written.Where(k => changed.ContainsKey(k.Key)).Select(k => ($"\"{k.Key}\"", changed[k.Key]))));
    }

    private static SchedulerClass? ClassOf(SchedulerFile file)
    {
        if (file.Find("_class_name") is not { } entry)
            return null;
        foreach (var (kind, name) in s_classes)
        {
            if (entry.Value.ValueKind == JsonValueKind.String && entry.Value.ValueEquals(name))
                return kind;
        }

        throw file.Bad(entry, $"one of {string.Join(", ", s_classes.Select(c => c.Name))}");
    }

    private static void Refuse(SchedulerFile file, SchedulerClass kind)
    {
        foreach (var (key, value) in s_fixed)
        {
            // Only DPM-Solver has an order and a type of algorithm; elsewhere the keys are unknown ones.
            if (key is "solver_order" or "algorithm_type" && kind != SchedulerClass.DpmSolver)
                continue;
            if (file.Find(key) is { } entry && entry.Spelt != value)
                throw Unsupported(file, entry, $"set it to {value}");
        }

        if (file.Find("variance_type") is { Value.ValueKind: JsonValueKind.String } variance)
        {
            if (variance.Value.GetString() is "learned" or "learned_range" or "fixed_large_log")
                throw Unsupported(file, variance, "a model whose variance is fixed_small or fixed_large is needed");
        }

        if (file.Find("beta_schedule") is { Value.ValueKind: JsonValueKind.String } betas && betas.Value.ValueEquals("sigmoid"))
            throw Unsupported(file, betas, "give the betas as 'trained_betas'");
    }

    private static UserErrorException Unsupported(SchedulerFile file, SchedulerEntry entry, string remedy) =>
        new($"'{file.Path}': '{entry.Key}' is {entry.Spelt}, which the samplers here do not do; {remedy}.");

    private static string Join(IEnumerable<(string Key, string Json)> entries)
    {
        var text = new StringBuilder("{");
        foreach (var (key, json) in entries)
            text.Append(text.Length == 1 ? "\n  " : ",\n  ").Append(key).Append(": ").Append(json);
        return text.Append("\n}\n").ToString();
    }

    private static string Quoted<T>((T Value, string Name)[] names, T value) =>
        $"\"{names.First(n => EqualityComparer<T>.Default.Equals(n.Value, value)).Name}\"";

    private static string Flag(bool value) => value ? "true" : "false";
}
