using System.Globalization;
using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Hosting;

/// <summary>Small trained models, and the same forgetting as settings and as words of the command.</summary>
internal sealed class JobScope : IDisposable
{
    public const string Data = "synthetic:train=160,test=60,seed=5";
    private const string DrawnData = "synthetic:train=30,test=20,seed=5";
    private readonly TempFolder _temp = new();

    public string this[string relative] => _temp[relative];

    /// <summary>Path of a trained classifier.</summary>
    public string Classifier => Trained("classifier", Data, "--model", "resnet[1,1]:w4", "--epochs", "2", "--batch", "16");

    /// <summary>Path of a trained UNet.</summary>
    public string UNet => Trained("unet", DrawnData, "--model", "unet:c4:m1,2:r1:g2", "--epochs", "1", "--batch", "8");

    /// <summary>A forgetting of the classifier: 9 steps an epoch.</summary>
    public ForgetSettings Settings(string folder, string method = "ft", int epochs = 1, ulong seed = 1, string? alpha = null)
    {
        var options = new Dictionary<string, string>
        {
            ["epochs"] = epochs.ToString(CultureInfo.InvariantCulture),
            ["batch"] = "16",
            ["lr"] = "0.01",
        };
        if (alpha is not null)
            options["alpha"] = alpha;
        return new ForgetSettings
        {
            Model = Classifier,
            Data = Data,
            Output = _temp[folder],
            Forget = ["class:3"],
            Method = MethodChoice.Read(method, Classifier, options),
            Seed = seed,
        };
    }

    /// <summary>The words of the same, for one epoch and the first seed.</summary>
    public string[] Words(string folder, string method, string? alpha = null)
    {
        string[] options = ["--epochs", "1", "--batch", "16", "--lr", "0.01", .. alpha is null ? [] : new[] { "--alpha", alpha }];
        return ["forget", Classifier, "--data", Data, "--forget", "class:3", "--method", method, .. options, "-o", _temp[folder]];
    }

    /// <summary>A forgetting of the UNet.</summary>
    public ForgetSettings DrawnSettings(string folder) =>
        new()
        {
            Model = UNet,
            Data = DrawnData,
            Output = _temp[folder],
            Forget = ["class:star"],
            Method = MethodChoice.Read(
                "ga",
                UNet,
                new Dictionary<string, string>
                {
                    ["steps"] = "3",
                    ["batch"] = "4",
                    ["lr"] = "0.05",
                }
            ),
        };

    /// <summary>The words of the same.</summary>
    public string[] DrawnWords(string folder) =>
        [
            "forget",
            UNet,
            .. new[] { "--data", DrawnData, "--forget", "class:star", "--method", "ga", "--steps", "3", "--batch", "4", "--lr", "0.05" },
            .. new[] { "-o", _temp[folder] },
        ];

    /// <summary>The model a run has left.</summary>
    public byte[] Model(string folder) => File.ReadAllBytes(_temp[Path.Combine(folder, "model.safetensors")]);

    public void Dispose() => _temp.Dispose();

    private string Trained(string folder, string data, params string[] words)
    {
        var path = Path.Combine(_temp[folder], "model.safetensors");
        if (!File.Exists(path))
            Command.Done(["train", "--data", data, .. words, "-o", _temp[folder]]);
        return path;
    }
}
