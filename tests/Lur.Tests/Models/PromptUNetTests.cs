using System.Text;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Tests.Models;

/// <summary>UNets that are told prompts: the published network of Stable Diffusion 1.x by its names, parts that are trained alone, and
/// what is refused.</summary>
public class PromptUNetTests
{
    // Stable Diffusion 1.x (Rombach et al. 2022): every key that is not diffusers' default.
    private const string Stable = """
        { "_class_name": "UNet2DConditionModel", "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8 }
        """;

    private static UNetSpec Read(string json) => UNetConfig.Read("config.json", Encoding.UTF8.GetBytes(json));

    private static UNetSpec With(string more) => Read(Stable.Replace(" }", ", " + more + " }", StringComparison.Ordinal));

    [Test]
    public void TheNetworkOfStableDiffusionHasThePublishedNamesAndShapes()
    {
        var spec = Read(Stable);
        var network = spec.Build();
        var lines = File.ReadAllLines(DiffusersFolderTests.Golden("sd-1-unet.txt"));
        Assert.That(lines[0], Is.EqualTo("# 859520964 parameters in 686 tensors"));
        Assert.That(network.Parameters.Count, Is.EqualTo(859_520_964));
        Assert.That(
            network.StateOrder.Select(s => $"{spec.FileNames(s)[0]} {string.Join('x', spec.FileShapes(s)[0])}").Order(),
            Is.EqualTo(lines[1..].Order())
        );
    }

    // Counted by the rules of the public code of ESD, SalUn, Selective Amnesia and Concept Ablation on the published list of tensors.
    [TestCase("xattn", 43_962_560)]
    [TestCase("xattn-strict", 19_169_280)]
    [TestCase("attn", 93_536_640)]
    [TestCase("noxattn", 813_495_680)]
    [TestCase("esd-u", 815_358_084)]
    [TestCase("selfattn", 49_574_080)]
    [TestCase("full", 859_520_964)]
    public void APartOfItHasThePublishedSize(string part, int entries)
    {
        var slots = Read(Stable).Build().Parameters.Slots;
        Assert.That(slots.Where(s => UNetPart.Holds([part], s)).Sum(s => s.Count), Is.EqualTo(entries));
    }

    [Test]
    public void APartCanBeNamedByPiecesOfNames()
    {
        var slots = Read(Stable).Build().Parameters.Slots;
        ParameterSlot[] chosen = [.. slots.Where(s => UNetPart.Holds(["mid_block.attentions", "conv_out"], s))];
        Assert.That(
            chosen.All(s =>
                s.Name.StartsWith("mid_block.attentions.", StringComparison.Ordinal)
                || s.Name.StartsWith("conv_out.", StringComparison.Ordinal)
            )
        );
        Assert.That(chosen.Select(s => s.Name.Split('.')[0]).Distinct().Count(), Is.EqualTo(2));
    }

    [Test]
    public void ItsTextIsReadBack()
    {
        var spec = With("\"use_linear_projection\": true") with { ContextLength = 77 };
        Assert.That(ModelFamilies.Parse(spec.Text, spec.Input, 0).Text, Is.EqualTo(spec.Text));
        var small = (UNetSpec)ModelFamilies.Parse("unet:c8:m1,2:r1:attn7:heads2,4:x12:tok5:depth2:linproj:g4", new ImageSize(7, 9, 3), 11);
        Assert.That((small.ClassCount, small.TableRows, small.ContextLength, small.ContextWidth), Is.EqualTo((11, 12, 5, 12)));
        Assert.That(small.Heads, Is.EqualTo(new[] { 2, 4 }));
        Assert.That(ModelFamilies.Parse(small.Text, small.Input, 0).Text, Is.EqualTo(small.Text));
        var config = UNetConfig.Write(small, []);
        Assert.That(
            Read(config) with
            {
                ContextLength = 5,
                ClassCount = 11,
                Heads = small.Heads,
            },
            Is.EqualTo(small).Using<UNetSpec>((a, b) => a.Text == b.Text)
        );
    }

    [TestCase("\"only_cross_attention\": true")]
    [TestCase("\"dual_cross_attention\": true")]
    [TestCase("\"class_embed_type\": \"timestep\"")]
    [TestCase("\"addition_embed_type\": \"text\"")]
    [TestCase("\"encoder_hid_dim\": 8")]
    [TestCase("\"time_cond_proj_dim\": 8")]
    [TestCase("\"conv_in_kernel\": 5")]
    [TestCase("\"resnet_skip_time_act\": true")]
    [TestCase("\"resnet_out_scale_factor\": 2.0")]
    [TestCase("\"cross_attention_norm\": \"layer_norm\"")]
    [TestCase("\"mid_block_only_cross_attention\": true")]
    [TestCase("\"attention_type\": \"gated\"")]
    [TestCase("\"mid_block_type\": \"UNetMidBlock2DSimpleCrossAttn\"")]
    [TestCase("\"transformer_layers_per_block\": [1, 2, 10, 1]")]
    [TestCase("\"num_class_embeds\": 7")]
    [TestCase("\"attention_head_dim\": 7")]
    [TestCase("\"num_attention_heads\": [8, 8]")]
    public void ANetworkThatIsNotBuiltHereIsRefusedByItsKey(string key) =>
        Assert.That(() => With(key), Throws.TypeOf<UserErrorException>().With.Message.Contains(key.Split('"')[1]));

    [Test]
    public void HeadsAreCountsAndMayDifferByLevel()
    {
        Assert.That(With("\"num_attention_heads\": [5, 10, 20, 20]").Heads, Is.EqualTo(new[] { 5, 10, 20, 20 }));
        Assert.That(Read(Stable).Heads, Is.EqualTo(new[] { 8, 8, 8, 8 }));
    }
}
