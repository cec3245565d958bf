using System.Text.Json;
using Lur.Data;
using Lur.Runs;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Models;
using Lur.Unlearning;

namespace Lur.Tests.Latents;

/// <summary>The pipeline of the fixtures beside a folder of drawn pictures with captions, and runs of 'lur forget' on both.</summary>
internal sealed class LatentScene : IDisposable
{
    public const int Pictures = 11;

    private static readonly string[] s_captions = ["a red star", "a blue ring", "a green disc", "two red stars and a ring"];
    private readonly TempFolder _temp = new();
    private readonly EnvironmentVariable _references;

    public LatentScene()
    {
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["references"]);
        DiffusersFolderTests.CopyAll(DiffusersFolderTests.Golden("tiny-text-to-image"), _temp["sd"]);
        var lines = new List<string>();
        for (var i = 0; i < Pictures; i++)
        {
            // Neither square nor of the model's size: scaled and cut.
            _temp.Write($"pictures/{i:D2}.png", Picture(i, 12, 10));
            lines.Add(JsonSerializer.Serialize(new { file_name = $"{i:D2}.png", text = s_captions[i % s_captions.Length] }));
        }

        _temp.Write("pictures/metadata.jsonl", string.Join('\n', lines) + "\n");
    }

    public string this[string name] => _temp[name];

    public string Folder => _temp["sd"];

    public string Cache => _temp["references/latents"];

    public TempFolder Temp => _temp;

    /// <summary>Settings of a short run on the pictures, or without any.</summary>
    public ForgetSettings Settings(string output, string data, string method = "lur", params (string, string)[] more)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["train"] = "xattn",
            ["steps"] = "3",
            ["batch"] = "3",
            ["lr"] = "0.001",
        };
        foreach (var (name, value) in more)
            options[name] = value;
        return new()
        {
            Model = ImportedModels.Get(Folder, new RunHost()),
            Data = data.Length > 0 ? _temp[data] : LatentSettings.Drawn,
            Output = _temp[output],
            Forget = ["caption:star"],
            Method = BoundMethod.Read(MethodCatalog.Find(method, MethodTask.Diffusion), options),
            Latents = new LatentSettings
            {
                Images = 4,
                Steps = 2,
                Prompts = data.Length > 0 ? [] : ["a cat", "a dog and a ring"],
            },
        };
    }

    public static byte[] Picture(int number, int width, int height)
    {
        var random = new RandomStream(1, "latent scene", number);
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)random.Below(256);
        return PngWriter.Encode(width, height, 3, pixels);
    }

    /// <summary>A picture as the network's data set has it.</summary>
    public static DataSource Open(string folder) => DataSource.Open(folder, new DataOptions { ModelSize = (8, 8) });

    public void Dispose()
    {
        _references.Dispose();
        _temp.Dispose();
    }
}

/// <summary>Hears notes, and cancels at a report of a stage.</summary>
internal sealed class Listener(string stage = "", int report = 0, CancellationTokenSource? cancel = null) : IProgress<RunEvent>
{
    private bool _inside;
    private int _reports;

    public List<string> Said { get; } = [];

    public void Report(RunEvent value)
    {
        if (value is RunNote note)
            Said.Add(note.Text);
        if (value is StageStarted s)
            _inside = s.Stage == stage;
        if (_inside && value is StageProgress && _reports++ == report)
            cancel?.Cancel();
    }
}
