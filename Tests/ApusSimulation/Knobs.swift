/// How hard life is under one seed: how many there are, and how often what goes wrong. Chances are in a thousand.
package struct Knobs: Sendable {
  package var clients = 16
  package var locks = 5
  /// Messages, in both directions.
  package var lost = 0
  package var doubled = 0
  package var slow = 0
  /// Times at which the store cannot save.
  package var unsaved = 0
  /// How often something goes wrong, in seconds between; what: weights.
  package var pause: Double = 20
  package var crashes = 0
  package var stops = 0
  package var restarts = 0
  package var restores = 0
  package var breaks = 0
  package var clockSteps = 0
  /// What sets, several wishes at once and ranks there are.
  package var sets = 0
  package var second = 0
  package var ranks = 0
  package var exclusive = 0
  /// How long somebody has a lock and does nothing, at most, in seconds.
  package var hold: Double = 10
  package var idle: Double = 10

  package init(seed: UInt64) {
    var dice = Dice(seed ^ 0x6b6e_6f62)
    clients = 2 + dice.below(15)
    locks = 1 + dice.below(6)
    if dice.chance(600) { lost = dice.below(200) }
    if dice.chance(600) { doubled = dice.below(150) }
    if dice.chance(600) { slow = dice.below(150) }
    if dice.chance(300) { unsaved = dice.below(100) }
    pause = dice.between(1, 40)
    crashes = dice.below(10)
    stops = dice.below(10)
    restarts = dice.below(5)
    restores = dice.chance(400) ? dice.below(4) : 0
    breaks = dice.chance(500) ? dice.below(5) : 0
    clockSteps = dice.below(4)
    sets = dice.below(500)
    second = dice.below(500)
    ranks = dice.chance(300) ? dice.below(300) : 0
    exclusive = dice.chance(300) ? dice.below(300) : 0
    hold = dice.between(0.5, 30)
    idle = dice.between(0.5, 30)
  }

  var weights: [(Accident, Int)] {
    [
      (.crash, crashes), (.stop, stops), (.restart, restarts), (.restore, restores), (.breaking, breaks),
      (.clockStep, clockSteps),
    ]
  }
}

enum Accident {
  case crash
  case stop
  case restart
  case restore
  case breaking
  case clockStep
}
