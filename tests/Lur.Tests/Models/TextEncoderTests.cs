using System.Text;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Shape = Lur.Programs.Shape;

namespace Lur.Tests.Models;

/// <summary>The text encoder of CLIP against the original's numbers, its gradient, and its files.</summary>
public class TextEncoderTests
{
    // Two layers of sums of some ten terms in float64, of numbers of order 1.
    private const double Tolerance = 1e-10;

    private const int N = 3,
        T = 11,
        C = 16;

    private static Fixture Golden => Fixture.Open("diffusion/clip_text");

    [Test]
    public void EveryLayerGivesWhatTheOriginalGives()
    {
        var golden = Golden;
        using var temp = new TempFolder();
        var folder = WriteFolder(temp);
        var spec = ClipTextSpec.Read("config.json", File.ReadAllBytes(temp["text/config.json"]));
        var network = spec.Build(T);
        using var weights = new FlatVector(TestDevices.Default, Precision.Float64, network.Parameters, "w");
        ClipTextFile.Read(folder, weights, spec, "");
        using var buffers = new FlatVector(TestDevices.Default, Precision.Float64, network.Buffers, "b");
        using var program = new Program(TestDevices.Default, Precision.Float64);
        var tokens = program.Input<int>("tokens", new Shape(N, T));
        var pass = new NetworkPass(program, "n", N, weights, buffers, NormalizationMode.Frozen) { Inference = true };
        _ = network.Forward(pass, tokens.Device);
        foreach (var output in pass.Outputs)
            Program.Keep(output);
        Ids(golden).SelectMany(p => p).ToArray().CopyTo(tokens.Span);
        program.Run();
        void Check(string layer, string name)
        {
            var node = network.Nodes.Single(n => n.Layer.Name == layer);
            var values = new double[pass.Outputs[node.Index].Shape.Count];
            TestDevices.Default.Download(values.AsSpan(), pass.Outputs[node.Index].Pointer);
            Errors.AssertClose(values, golden.Numbers(name), Tolerance, name);
        }

        Check("text_model.embeddings.position_embedding", "hidden_states.0");
        Check("text_model.encoder.layers.0", "hidden_states.1");
        Check("text_model.encoder.layers.1", "hidden_states.2");
        Check("text_model.final_layer_norm", "last_hidden_state");
    }

    [Test]
    public void PromptsAreEncodedTogetherOrOneByOne()
    {
        var golden = Golden;
        using var temp = new TempFolder();
        using var encoder = TextEncoder.Open(WriteFolder(temp), TestDevices.Default, Precision.Float64);
        var (ids, expected) = (Ids(golden), golden.Numbers("last_hidden_state"));
        Errors.AssertClose(encoder.Encode(ids), expected, Tolerance, "three");
        Errors.AssertClose(encoder.Encode([ids[2]]), expected[(2 * T * C)..], Tolerance, "the third");
        // 19 prompts are two passes, of which the second is not full.
        var many = encoder.Encode([.. Enumerable.Range(0, 19).Select(i => ids[i % N])]);
        Errors.AssertClose(many[(18 * T * C)..], expected[..(T * C)], Tolerance, "the last of many");
        // The row of the first end token, the greatest id.
        double[] pooled = [.. ids.SelectMany((p, i) => expected[(((i * T) + Array.IndexOf(p, p.Max())) * C)..][..C])];
        Errors.AssertClose(pooled, golden.Numbers("pooled"), Tolerance, "pooled");
        // A token sees none behind it: the first rows of a shorter prompt are those of the longer.
        var shorter = encoder.Encode([ids[0][..5]]);
        Errors.AssertClose(shorter, expected[..(5 * C)], Tolerance, "the first five tokens");
    }

    [Test]
    public void ThePipelinesEncoderGivesItsEmbeddings()
    {
        var golden = Fixture.Open("diffusion/pipeline");
        using var encoder = TextEncoder.Open(
            DiffusersFolderTests.Golden("tiny-text-to-image", "text_encoder"),
            TestDevices.Default,
            Precision.Float64
        );
        int[][] Of(string name) => [.. golden.Longs(name).Chunk(12).Select(p => p.Select(id => (int)id).ToArray())];
        Errors.AssertClose(encoder.Encode(Of("ids")), golden.Numbers("embeddings"), Tolerance, "embeddings");
        Errors.AssertClose(encoder.Encode(Of("ids_null")), golden.Numbers("embeddings_null"), Tolerance, "embeddings_null");
    }

    [Test]
    public void TheGradientOfRowsIsThatOfDifferences()
    {
        const double h = 1e-5;
        var golden = Golden;
        using var temp = new TempFolder();
        using var encoder = TextEncoder.Open(WriteFolder(temp), TestDevices.Default, Precision.Float64);
        var rows = encoder.RowsOf(Ids(golden));
        using var gradient = encoder.Gradient(N, T);
        Errors.AssertClose(gradient.Forward(rows), golden.Numbers("last_hidden_state"), Tolerance, "from rows");
        var draws = new RandomStream(1, nameof(TheGradientOfRowsIsThatOfDifferences));
        double[] Draw() => [.. Enumerable.Range(0, rows.Length).Select(_ => (double)draws.Uniform(-1, 1))];
        var (dy, direction) = (Draw(), Draw());
        var dx = gradient.Backward(rows, dy);
        double At(double step)
        {
            double[] moved = [.. rows.Zip(direction, (x, d) => x + (step * d))];
            return gradient.Forward(moved).Zip(dy, (y, d) => y * d).Sum();
        }

        // Central differences: h^2 and 1e-16 / h, both below 1e-9 of sums of some hundred numbers of order 1.
        var (expected, actual) = ((At(h) - At(-h)) / (2 * h), dx.Zip(direction, (a, d) => a * d).Sum());
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * Math.Sqrt(dx.Sum(v => v * v))));
        Assert.That(Math.Abs(expected), Is.GreaterThan(1e-3));
        // No output of a prompt depends on another's rows, and none on later ones.
        var first = new double[rows.Length];
        first[4 * C] = 1;
        var from = gradient.Backward(rows, first);
        Assert.That(from[(5 * C)..], Is.All.Zero);
        Assert.That(from[..C], Has.None.Zero);
    }

    [Test]
    public void AnEncoderInsideAnotherNetworkIsReadAndWritten()
    {
        using var temp = new TempFolder();
        var folder = WriteFolder(temp);
        var spec = ClipTextSpec.Read("config.json", File.ReadAllBytes(temp["text/config.json"]));
        var network = new Network(2, 2, 1);
        var tokens = network.AddInput(ClipText.Tokens, new Shape(T));
        var text = ClipText.Append(network, spec, tokens, "text_encoder.");
        network.Add(new Linear("head", C, 2), text);
        using var weights = new FlatVector(TestDevices.Default, Precision.Float32, network.Parameters, "w");
        ClipTextFile.Read(folder, weights, spec, "text_encoder.");
        ClipTextFile.Write(temp["text/model.safetensors"], weights, "text_encoder.");
        File.WriteAllText(temp["text/config.json"], spec.ToJson());
        using var encoder = TextEncoder.Open(folder, TestDevices.Default, Precision.Float64);
        Assert.That(encoder.Spec, Is.EqualTo(spec));
        Errors.AssertClose(encoder.Encode(Ids(Golden)), Golden.Numbers("last_hidden_state"), Tolerance, "written and read");
    }

    [Test]
    public void TheEncoderOfStableDiffusionHasItsNamesAndShapes()
    {
        const string json = """
            {
              "architectures": ["CLIPTextModel"], "hidden_act": "quick_gelu", "hidden_size": 768, "intermediate_size": 3072,
              "model_type": "clip_text_model", "num_attention_heads": 12, "num_hidden_layers": 12, "vocab_size": 49408
            }
            """;
        var spec = ClipTextSpec.Read("config.json", Encoding.UTF8.GetBytes(json));
        ParameterNames.AssertEqual([spec.Build(77)], "sd-1-text-encoder.txt", 123_060_480, 196);
    }

    [Test]
    public void WhatTheEncoderDoesNotTakeIsRefused()
    {
        using var temp = new TempFolder();
        using var encoder = TextEncoder.Open(WriteFolder(temp), TestDevices.Default);
        Assert.That(Refusal(() => encoder.Encode([new int[12]])), Does.Contain("12 tokens").And.Contains("takes 11"));
        Assert.That(
            Refusal(() =>
                encoder.Encode([
                    [0, 60],
                ])
            ),
            Does.Contain("the token 60").And.Contains("has 60")
        );
        string Read(string entry) => Refusal(() => ClipTextSpec.Read("c.json", Encoding.UTF8.GetBytes($"{{{entry}}}")));
        Assert.That(Read("\"hidden_act\": \"relu\""), Does.Contain("'hidden_act' is relu").And.Contains("quick_gelu or gelu"));
        Assert.That(Read("\"model_type\": \"t5\""), Does.Contain("model_type"));
        Assert.That(Read("\"use_attention_mask\": true"), Does.Contain("use_attention_mask"));
        Assert.That(Read("\"num_attention_heads\": 7"), Does.Contain("num_attention_heads"));
        File.WriteAllText(
            temp["text/config.json"],
            File.ReadAllText(temp["text/config.json"]).Replace("11", "12", StringComparison.Ordinal)
        );
        Assert.That(Refusal(() => TextEncoder.Open(temp["text"], TestDevices.Default)), Does.Contain("position_embedding"));
        File.Move(temp["text/model.safetensors"], temp["text/pytorch_model.bin"]);
        Assert.That(Refusal(() => TextEncoder.Open(temp["text"], TestDevices.Default)), Does.Contain("pickle"));
    }

    private static string Refusal(Action call) => Assert.Throws<UserErrorException>(() => call())!.Message;

    private static int[][] Ids(Fixture golden) => [.. golden.Longs("input_ids").Chunk(T).Select(p => p.Select(id => (int)id).ToArray())];

    private static string WriteFolder(TempFolder temp)
    {
        var golden = Golden;
        temp.Write("text/config.json", File.ReadAllBytes(DiffusersFolderTests.Golden("clip_text.config.json")));
        var writer = new SafeTensorsWriter();
        foreach (var tensor in golden.Names.Where(n => n.StartsWith("param.", StringComparison.Ordinal)))
        {
            var values = Array.ConvertAll(golden.Numbers(tensor), v => (float)v);
            writer.Add<float>(tensor[6..], [.. golden.Shape(tensor).Select(e => (long)e)], values);
        }

        writer.Add<long>("text_model.embeddings.position_ids", [1, T], [.. Enumerable.Range(0, T).Select(i => (long)i)]);
        writer.Save(temp["text/model.safetensors"]);
        return temp["text"];
    }
}
