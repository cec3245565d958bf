using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tensors;
using Lur.Tests.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Diffusion;

/// <summary>A tiny data set of three patterns, a UNet that draws them, one that was trained without the last, and folders of runs of
/// 'lur forget' that were made by hand.</summary>
internal sealed class DrawingRuns : IDisposable
{
    public const int Classes = 3,
        Forgotten = 2,
        Side = 8;
    private static readonly string[] s_train =
    [
        "--model",
        "unet:c8:m1,2:r1",
        "--batch",
        "32",
        "--lr",
        "0.004",
        "--epochs",
        "60",
        "--timesteps",
        "100",
        "--average",
        "0.9",
    ];
    private readonly TempFolder _temp = new();
    private readonly EnvironmentVariable _references;

    public DrawingRuns()
    {
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        foreach (var (name, count, seed) in new[] { ("train", 240, 1UL), ("t10k", 60, 2UL) })
        {
            _temp.Write($"data/{name}-images-idx3-ubyte", Images(count, seed));
            _temp.Write($"data/{name}-labels-idx1-ubyte", Labels(count));
        }

        Relearn("base");
        Command.Done(["train", "--data", Data, .. s_train, "--forget", $"class:{Forgotten}", "--seed", "2", "-o", this["retrain"]]);
    }

    public string Data => _temp["data"];

    public string this[string name] => _temp[name];

    public string Original => this["base/model.safetensors"];

    /// <summary>Trains with all classes, with the seed of the original for the folder "base" and another for any other.</summary>
    public string Relearn(string name)
    {
        Command.Done(["train", "--data", Data, .. s_train, "--seed", name == "base" ? "1" : "3", "-o", this[name]]);
        return this[name];
    }

    public DataSource Open() => DataSource.Open(Data);

    public static Model Load(string path) => ModelFile.Load(path, Lur.Tests.Device.TestDevices.Default, Precision.Float32);

    /// <summary>Makes the folder of a run whose model is the original with some weights changed.</summary>
    /// <param name="name">Name of the folder.</param>
    /// <param name="change">Changes the table of the classes, [rows, width].</param>
    public string Make(string name, Action<float[], int> change)
    {
        using (var model = Load(Original))
        {
            var slot = model.Parameters.Layout.Slots.Single(model.Spec.HasClassAxis);
            var rows = new float[slot.Count];
            model.Parameters.Read<float>(slot.Offset, rows);
            change(rows, slot.Count / slot.Shape[0]);
            model.Parameters.Write<float>(slot.Offset, rows);
            Directory.CreateDirectory(this[name]);
            ModelFile.Save(model, _temp[$"{name}/model.safetensors"]);
        }

        File.Copy(this["base/split.json"], this[$"{name}/split.json"]);
        using var source = Open();
        var split = DataSplit.Load(this["base/split.json"], source.Train);
        var set = ForgetSet.Resolve([$"class:{Forgotten}"], source, split.Train, 1);
        set.Save(this[$"{name}/forget.txt"]);
        var config = new JsonObject
        {
            ["command"] = "forget",
            ["method"] = "made",
            ["version"] = "1.2.3",
            ["model"] = Original,
            ["data"] = Data,
            ["forget"] = new JsonArray($"class:{Forgotten}"),
            ["seed"] = 1,
        };
        var result = new JsonObject
        {
            ["command"] = "forget",
            ["method"] = "made",
            ["modelSha256"] = Sha256(this[$"{name}/model.safetensors"]),
            ["parentSha256"] = Sha256(Original),
            ["forgetSha256"] = set.Sha256(),
        };
        File.WriteAllText(this[$"{name}/config.json"], config.ToJsonString());
        File.WriteAllText(this[$"{name}/result.json"], result.ToJsonString());
        return this[name];
    }

    /// <summary>Forgets by drawing another class in the place of the forgotten one.</summary>
    public static void TakeAnotherRow(float[] rows, int width) => rows.AsSpan(0, width).CopyTo(rows.AsSpan(Forgotten * width));

    public void Dispose()
    {
        _references.Dispose();
        _temp.Dispose();
    }

    private static string Sha256(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return file.Sha256();
    }

    // Bright below, bright on the right, bright in the middle: with a contrast and noise of their own.
    private static byte[] Images(int count, ulong seed)
    {
        var bytes = new byte[16 + (count * Side * Side)];
        foreach (var (i, number) in new[] { 0x803, count, Side, Side }.Index())
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), number);
        var random = new RandomStream(seed, "test/drawing");
        for (var k = 0; k < count; k++)
        {
            var contrast = random.Uniform(60, 100);
            for (var y = 0; y < Side; y++)
            for (var x = 0; x < Side; x++)
            {
                var bright = (k % Classes) switch
                {
                    0 => y >= Side / 2,
                    1 => x >= Side / 2,
                    _ => y is >= 2 and < 6 && x is >= 2 and < 6,
                };
                bytes[16 + (((k * Side) + y) * Side) + x] = (byte)(127 + (bright ? contrast : -contrast) + random.Uniform(-15, 15));
            }
        }

        return bytes;
    }

    private static byte[] Labels(int count)
    {
        var bytes = new byte[8 + count];
        BinaryPrimitives.WriteInt32BigEndian(bytes, 0x801);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), count);
        for (var k = 0; k < count; k++)
            bytes[8 + k] = (byte)(k % Classes);
        return bytes;
    }
}
