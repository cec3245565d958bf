using System.Globalization;
using Lur;
using Lur.Bench;
using Lur.Bench.Gpu;
using Lur.Bench.Pages;

// Steps beside PyTorch's, a process each; not a benchmark of BenchmarkDotNet, which runs no other program. BenchmarkDotNet is not
// even loaded, whose memory would count as Lur's.
static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
try
{
    return args switch
    {
        ["--filter", "peers", ..] => PeerComparison.Run(
            args.Length > 2 ? args[2].Split(',') : StepVariant.WithPeer,
            args.Length > 3 ? args[3..] : []
        ),
        ["--filter", "unet-peers", ..] => UNetComparison.Run(args.Length > 2 ? args[2].Split(',') : UNetStep.Names),
        ["unet-step", var model, var size, var batch, var step, var repeats] => UNetStep.Run(
            model,
            Number(size),
            Number(batch),
            step,
            Number(repeats)
        ),
        ["stable-diffusion", var part, var batch, .. var more] => StableDiffusionStep.Run(part, Number(batch), more),
        ["--filter", "tables"] => PageBlocks.Rewrite("."),
        ["peer-step", var model, var batch, var step, var repeats] => ChildProcess.Run(
            model,
            Number(batch),
            StepVariant.Find(step),
            Number(repeats)
        ),
        ["gpu", .. var words] => GpuCommand.Run(words),
        ["peer-check", var folder, .. var steps] => PeerCheck.Write(folder, steps),
        _ => BenchmarkRun.Run(args),
    };
}
catch (UserErrorException e)
{
    Console.Error.WriteLine($"bench: {e.Message}");
    return 1;
}
