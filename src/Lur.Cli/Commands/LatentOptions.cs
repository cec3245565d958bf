using System.CommandLine;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>Options of 'lur forget' that are about what the original model draws itself, and how pictures become latents.</summary>
internal sealed class LatentOptions
{
    private static readonly LatentSettings s_defaults = new();

    private readonly Option<string?> _keep = new Option<string?>("--keep")
    {
        Description =
            "Of a model that is told prompts: file of prompts, one a line, that the original model draws data for, which are retained "
            + "(those with the words of the concept are forgotten).",
        HelpName = "FILE",
    }.WithShort("Prompts to draw data for, and to keep.");
    private readonly Option<int> _images = SharedOptions.Number(
        "--drawn-images",
        "Samples that the original model draws of each prompt; a quarter of them more for the test.",
        s_defaults.Images,
        "a number from 1 to 10000",
        n => n is >= 1 and <= 10000
    );
    private readonly Option<int> _steps = SharedOptions.Number(
        "--drawn-steps",
        "Steps of the sampler that draws them (DPM-Solver++).",
        s_defaults.Steps,
        "a number from 1 to 1000",
        n => n is >= 1 and <= 1000
    );
    private readonly Option<double> _guidance = SharedOptions.Number(
        "--drawn-guidance",
        "Weight of the prompt where they are drawn.",
        s_defaults.Guidance,
        "a number of at least 0",
        g => double.IsFinite(g) && g >= 0
    );
    private readonly Option<bool> _mean = new("--latent-mean")
    {
        Description =
            "Take the mean of what the autoencoder gives for a picture, and no draw, one of each picture; of models that draw latents.",
    };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [_keep, _images, _steps, _guidance, _mean];

    /// <summary>What was given.</summary>
    /// <exception cref="UserErrorException">The file of prompts cannot be read.</exception>
    public LatentSettings Read(ParseResult parsed) =>
        new()
        {
            Prompts = [.. SampleCommand.ReadPrompts(parsed.GetValue(_keep)).Distinct(StringComparer.Ordinal)],
            Images = parsed.GetValue(_images),
            Steps = parsed.GetValue(_steps),
            Guidance = parsed.GetValue(_guidance),
            Mean = parsed.GetValue(_mean),
        };
}
