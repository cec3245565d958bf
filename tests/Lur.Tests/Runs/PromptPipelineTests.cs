using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tests.Device;
using Lur.Tests.Models;
using Shape = Lur.Programs.Shape;

namespace Lur.Tests.Runs;

/// <summary>A pipeline of diffusers from prompts to pictures: every state of the latents, the decoded picture, in double.</summary>
public class PromptPipelineTests
{
    private static double[] Nhwc(SafeTensorsFile file, string name)
    {
        var (s, nchw) = (file[name].Shape, new double[file[name].Count]);
        file.Read(name, nchw);
        var nhwc = new double[nchw.Length];
        MemoryLayout.NchwToNhwc<double>(nchw, nhwc, (int)s[0], (int)s[1], (int)s[2], (int)s[3]);
        return nhwc;
    }

    [Test]
    public void PromptsBecomeThePicturesOfDiffusers()
    {
        var folder = DiffusersFolderTests.Golden("tiny-text-to-image");
        using var fixture = SafeTensorsFile.Open(DiffusersFolderTests.Golden("pipeline.safetensors"));
        var prompts = System.Text.Json.JsonSerializer.Deserialize<string[]>(fixture.Metadata["prompts"])!;
        var cut = new List<string>();
        using var model = PromptBook.With(
            ModelExchange.Import(folder, TestDevices.Default, precision: Precision.Float64),
            Path.Combine(folder, "none"),
            prompts,
            cut.Add
        );
        Assert.That(cut, Has.Count.EqualTo(1), "the second prompt is cut off, with a word about it");
        var rows = model.Buffers.ToArray();
        var each = rows.Length / 3;
        double[] expected = new double[2 * each],
            none = new double[2 * each];
        fixture.Read("embeddings", expected);
        fixture.Read("embeddings_null", none);
        Errors.AssertClose(rows[..(2 * each)], expected, 1e-9, "embeddings");
        Errors.AssertClose(rows[(2 * each)..], none[..each], 1e-9, "embedding of no prompt");

        var schedule = SamplerSchedule.Of(SamplerKind.Ddim, DiffusionNoise.Of(model).Config, 8);
        Assert.That(schedule.Rows.ToArray().Select(r => (long)r.Timestep), Is.EqualTo(fixture.ReadArray<long>("timesteps")));
        using var p = new Program(model.Device, Precision.Float64);
        var step = new SamplerStep(p, "s", schedule, new Shape(2, 4, 4, 4), 0, 7.5);
        var asked = p.Input<int>("asked", new Shape(4));
        var pass = new NetworkPass(p, "n", 4, model.Parameters, model.Buffers, NormalizationMode.Frozen) { Inference = true };
        step.Emit(
            model.Network.Forward(
                pass,
                [(NetworkInput.Images, step.Input), (UNetInputs.Time, step.Timesteps), (UNetInputs.Class, asked.Device)]
            )
        );
        ((int[])[2, 2, 0, 1]).CopyTo(asked.Span);
        step.Start(Nhwc(fixture, "latents.0"));
        for (var k = 0; k < schedule.Count; k++)
        {
            step.Row = k;
            p.Run();
            Errors.AssertClose(step.Images(), Nhwc(fixture, $"latents.{k + 1}"), 1e-9, $"latents.{k + 1}");
        }

        using var vae = Autoencoder.Open(PromptFolder.AutoencoderOf(folder)!, model.Device, Precision.Float64);
        Errors.AssertClose(vae.Decode(step.Images(), 8, 8), Nhwc(fixture, "decoded"), 1e-9, "decoded");
    }
}
