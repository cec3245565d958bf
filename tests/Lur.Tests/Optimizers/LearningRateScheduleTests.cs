using Lur.Optimizers;

namespace Lur.Tests.Optimizers;

public class LearningRateScheduleTests
{
    // Expected values: torch.optim.lr_scheduler 1.13 printed with base rate 1 over 100 steps.
    [TestCase("cosine", 0, 1.0)]
    [TestCase("cosine", 50, 0.5)]
    [TestCase("cosine", 99, 0.00024671981713422197)]
    [TestCase("onecycle", 0, 0.04)]
    [TestCase("onecycle", 29, 1.0)]
    [TestCase("onecycle", 99, 4e-6)]
    [TestCase("multistep:0.5,0.75", 49, 1.0)]
    [TestCase("multistep:0.5,0.75", 50, 0.1)]
    [TestCase("multistep:91,136/182", 49, 1.0)]
    [TestCase("multistep:91,136/182", 75, 0.01)]
    [TestCase("constant", 99, 1.0)]
    // Expected: diffusers' get_cosine_schedule_with_warmup(20, 100): index / 20, then half a cosine over the 80 steps left.
    [TestCase("warmup:20+cosine", 0, 0.0)]
    [TestCase("warmup:20+cosine", 5, 0.25)]
    [TestCase("warmup:20+cosine", 20, 1.0)]
    [TestCase("warmup:0.2+cosine", 40, 0.85355339059327378)]
    [TestCase("warmup:0.2+cosine", 60, 0.5)]
    [TestCase("warmup:50+multistep:0.5", 74, 1.0)]
    [TestCase("warmup:50+multistep:0.5", 75, 0.1)]
    [TestCase("warmup:500+constant", 99, 0.99)]
    public void FactorAtStep(string schedule, int step, double expected) =>
        Assert.That(LearningRateSchedule.Parse(schedule).Factor(step, 100), Is.EqualTo(expected).Within(1e-12));

    // As above, momentum 0.9 and cycle_momentum at its default.
    [TestCase("onecycle", 0, 0.95)]
    [TestCase("onecycle", 10, 0.9234204220349895)]
    [TestCase("onecycle", 29, 0.85)]
    [TestCase("onecycle", 50, 0.8706107373853763)]
    [TestCase("onecycle", 99, 0.95)]
    [TestCase("cosine", 50, 0.9)]
    [TestCase("warmup:20+onecycle", 5, 0.95)]
    [TestCase("warmup:100+onecycle", 5, 0.95)]
    public void MomentumAtStep(string schedule, int step, double expected) =>
        Assert.That(LearningRateSchedule.Parse(schedule).Momentum(step, 100, 0.9), Is.EqualTo(expected).Within(1e-12));

    [Test]
    public void ARunWithoutMomentumHasNone() => Assert.That(LearningRateSchedule.Parse("onecycle").Momentum(10, 100, 0), Is.Zero);

    [TestCase("linear")]
    [TestCase("multistep:")]
    [TestCase("multistep:a,b")]
    [TestCase("multistep:91,136")]
    [TestCase("warmup:20")]
    [TestCase("warmup:0+cosine")]
    [TestCase("warmup:2.5+cosine")]
    public void UnknownSchedulesAreRefused(string schedule) =>
        Assert.That(() => LearningRateSchedule.Parse(schedule), Throws.TypeOf<UserErrorException>().With.Message.Contains(schedule));

    [Test]
    public void WhatFollowsAWarmUpIsASchedule() =>
        Assert.That(
            () => LearningRateSchedule.Parse("warmup:20+linear"),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("'linear'")
        );
}
